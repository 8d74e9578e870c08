import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@open-cowork/contracts/ids";
import { call, hang, say } from "@open-cowork/testkit/scripted-model/script";
import { eventually } from "@open-cowork/testkit/eventually";
import { ask, createAgentWorld, providerKey, type AgentWorld } from "../testing/agent-world.ts";
import { saidIn } from "../testing/said-in.ts";
import { groupMembers } from "./process-identity.ts";

let world: AgentWorld;
beforeAll(async () => {
  world = await createAgentWorld({
    "write-then-hang": [
      say("First a file. "),
      call("write", { filePath: "half.txt", content: "half a turn\n" }),
      say("And then"),
      hang(),
    ],
    outside: [call("write", { filePath: "/tmp/cowork-must-not-exist.txt", content: "x" }), say("I tried.")],
    down: [{ do: "error", status: 401, body: { error: { message: "no such key" } }, headers: {}, times: Infinity }],
  });
});
afterAll(() => world?.close());

describe("a turn of the real OpenCode", () => {
  it("streams its words as repeatable deltas and ends completed", async () => {
    const { runtime } = await world.start();
    const { end, events } = await ask(runtime, "[script:text]");
    expect(end).toEqual({ kind: "completed" });
    expect(saidIn(events)).toBe("This is a plain answer, in a few words and without any tool.");
    const deltas = events.filter((event) => event.type === "message.part.delta").map((event) => event.payload);
    expect(deltas.length).toBeGreaterThan(3);
    expect(deltas[0]!.offset).toBe(0);
    expect(deltas.map(({ text }) => text).join("")).toBe(saidIn(events));
    for (const [n, delta] of deltas.entries()) {
      if (n > 0) expect(delta.offset).toBe(deltas[n - 1]!.offset + deltas[n - 1]!.text.length);
    }
    await runtime.end();
  });

  it("runs tools in the workspace, shows it as /workspace, and offers nothing else", async () => {
    const { runtime, workspace } = await world.start();
    const { end, events } = await ask(runtime, "[script:demo] hello");
    expect(end).toEqual({ kind: "completed" });
    expect(await readFile(join(workspace, "hello.md"), "utf8")).toContain("Hello from Open Cowork");
    expect(JSON.stringify(events)).not.toContain(world.root);
    expect(JSON.stringify(events)).toContain("/workspace/hello.md");
    const shell = world.sandbox.kind === "none" ? [] : ["bash"];
    const offered = [...shell, "edit", "glob", "grep", "question", "read", "write"];
    expect(world.model.requests.at(-1)!.tools.toSorted()).toEqual(offered);
    await runtime.end();
  });

  it("gives the agent the broker's token only, and not even that appears in an event", async () => {
    const { runtime, token } = await world.start();
    const { events } = await ask(runtime, "[script:echo-key]");
    expect(world.model.requests.at(-1)!.authorization).toBe(`Bearer ${providerKey}`);
    const seen = JSON.stringify(events);
    expect(saidIn(events)).toContain("The key I was given: ");
    expect(saidIn(events)).toContain("[secret]");
    expect(seen).not.toContain(token);
    expect(seen).not.toContain(providerKey);
    await runtime.end();
  });

  it("refuses a file outside the workspace without asking anybody", async () => {
    const { runtime, troubles } = await world.start();
    const { end } = await ask(runtime, "[script:outside]");
    expect(end).toEqual({ kind: "completed" });
    expect(existsSync("/tmp/cowork-must-not-exist.txt")).toBe(false);
    expect(troubles).toEqual([]);
    await runtime.end();
  });

  it("is stopped in the middle and leaves the runtime fit for the next prompt", async () => {
    const { runtime } = await world.start();
    const stop = new AbortController();
    let spoke = false;
    const first = ask(runtime, "[script:slow]", {
      stop: stop.signal,
      onEvents: (events) => {
        if (events.some((event) => event.type === "message.part.delta")) spoke = true;
      },
    });
    await eventually("the agent speaks", () => spoke, { withinMs: 20_000 });
    stop.abort();
    expect((await first).end).toEqual({ kind: "aborted" });
    expect((await ask(runtime, "[script:text]")).end).toEqual({ kind: "completed" });
    await runtime.end();
  });

  it("says whose fault it was: the provider's refusal is not retried", async () => {
    const { runtime } = await world.start();
    const { end } = await ask(runtime, "[script:down]");
    expect(end).toMatchObject({ kind: "failed", reason: "provider_error" });
    await runtime.end();
  });

  it("survives a rate limit, and ends a turn that hangs for too long as silent", async () => {
    const { runtime } = await world.start();
    expect((await ask(runtime, "[script:rate-limited-once]")).end).toEqual({ kind: "completed" });
    expect((await ask(runtime, "[script:hang]", { silentMs: 2_000 })).end).toMatchObject({
      kind: "failed",
      reason: "runtime_silent",
    });
    await runtime.end();
  });
});

describe("an OpenCode that is killed in the middle of a turn", () => {
  it("is reported as lost, and the next attempt goes on without the interrupted turn and its files", async () => {
    const sessionId = newId<"session">();
    const first = await world.start({ sessionId });
    await ask(first.runtime, "[script:text] remember me");
    const half = join(first.workspace, "half.txt");
    const commandId = newId();
    const interrupted = ask(first.runtime, "[script:write-then-hang]", { commandId });
    await eventually("the file is written", () => existsSync(half), { withinMs: 20_000 });
    process.kill(-first.runtime.pid, "SIGKILL");
    expect((await interrupted).end).toMatchObject({ kind: "failed", reason: "runtime_lost" });
    await first.runtime.end();

    const second = await world.start({ sessionId, runtimeSessionId: first.runtime.runtimeSessionId });
    expect(second.runtime.runtimeSessionId).toBe(first.runtime.runtimeSessionId);
    expect(await second.runtime.clearLeftovers(commandId)).toBe(true);
    expect(existsSync(half)).toBe(false);
    expect((await ask(second.runtime, "[script:text] again", { commandId })).end).toEqual({ kind: "completed" });
    const carried = JSON.stringify(world.model.requests.at(-1)!.messages.filter(({ role }) => role !== "system"));
    expect(carried).toContain("remember me");
    expect(carried).not.toContain("write-then-hang");
    await second.runtime.end();
  });
});

describe("an OpenCode that is killed between noting a prompt and noting its words", () => {
  it("has the wordless prompt taken back like any other", async () => {
    const sessionId = newId<"session">();
    const first = await world.start({ sessionId });
    await ask(first.runtime, "[script:text] remember me");
    const commandId = newId();
    const stop = new AbortController();
    const onEvents = () => stop.abort();
    await ask(first.runtime, "[script:slow] wordless", { commandId, stop: stop.signal, onEvents });
    await first.runtime.end();
    // The moment itself is too short to hit: this is what a kill in it leaves.
    const database = new DatabaseSync(join(first.workspace, "..", "state", "opencode.db"));
    const { id } = database.prepare("select max(id) id from message where data like '%\"user\"%'").get()!;
    database.prepare("delete from message where id > ?").run(id!);
    database.prepare("delete from part where message_id >= ?").run(id!);
    database.close();

    const second = await world.start({ sessionId, runtimeSessionId: first.runtime.runtimeSessionId });
    expect(await second.runtime.clearLeftovers(commandId)).toBe(true);
    expect((await ask(second.runtime, "[script:text] again", { commandId })).end).toEqual({ kind: "completed" });
    const said = world.model.requests.at(-1)!.messages.filter(({ role }) => role === "user");
    expect(said.map(({ content }) => JSON.stringify(content))).toEqual([
      expect.stringContaining("remember me") as string,
      expect.stringContaining("again") as string,
    ]);
    await second.runtime.end();
  });
});

describe("several runtimes", () => {
  it("run two sessions at once without hearing each other, and leave no process behind", async () => {
    const [a, b] = await Promise.all([world.start(), world.start()]);
    const [first, second] = await Promise.all([ask(a.runtime, "[script:text]"), ask(b.runtime, "[script:demo] two")]);
    expect(first.end).toEqual({ kind: "completed" });
    expect(second.end).toEqual({ kind: "completed" });
    expect(saidIn(first.events)).not.toContain("scripted demo model");
    await Promise.all([a.runtime.end(), b.runtime.end()]);
    for (const { runtime } of [a, b]) expect(await groupMembers(runtime.pid)).toEqual([]);
    expect(a.runtime.exited.aborted).toBe(true);
  });
});
