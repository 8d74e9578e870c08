import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, say } from "@open-cowork/testkit/scripted-model/script";
import { ask, createAgentWorld, type AgentWorld } from "../testing/agent-world.ts";

let world: AgentWorld;
beforeAll(async () => {
  world = await createAgentWorld(
    {
      both: [
        call("write", { filePath: ".git/hooks/post-index-change", content: "x" }),
        call("write", { filePath: "note.txt", content: "x" }),
        say("I tried."),
      ],
    },
    "none",
  );
});
afterAll(() => world?.close());

describe("an agent without a sandbox", () => {
  it("changes files of its workspace, but none of git's, through which it would run commands, and has no shell", async () => {
    const { runtime, workspace } = await world.start();
    const { end } = await ask(runtime, "[script:both]");
    expect(end).toEqual({ kind: "completed" });
    expect(await readFile(join(workspace, "note.txt"), "utf8")).toBe("x");
    expect(existsSync(join(workspace, ".git/hooks/post-index-change"))).toBe(false);
    expect(world.model.requests.at(-1)!.tools.toSorted()).toEqual([
      "edit",
      "glob",
      "grep",
      "question",
      "read",
      "write",
    ]);
    await runtime.end();
  });
});
