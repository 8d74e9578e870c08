import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Decided } from "@open-cowork/contracts/decisions";
import type { PayloadOf, RuntimeEvent } from "@open-cowork/contracts/events";
import { systemClock } from "@open-cowork/contracts/clock";
import { ask as question, call, say, type ModelScript } from "@open-cowork/testkit/scripted-model/script";
import { ask, createAgentWorld, type AgentWorld, type Started } from "../testing/agent-world.ts";
import { saidIn } from "../testing/said-in.ts";
import type { PermissionRule } from "@open-cowork/contracts/profile-policy";
import type { TurnRequest } from "./runtime.ts";
import { permissionsIn } from "./permissions.ts";
import { permissionsOf } from "./policy.ts";

const approver = fileURLToPath(new URL("../testing/approve-asks.ts", import.meta.url));

const scripts: Record<string, ModelScript> = {
  write: [call("write", { filePath: "a.txt", content: "one\n" }), say((seen) => `Told: ${seen.toolResults.at(-1)}`)],
  "write-twice": [
    call("write", { filePath: "a.txt", content: "one\n" }),
    call("write", { filePath: "b.txt", content: "two\n" }),
    say("Both are written."),
  ],
  "approve-myself": [
    call("bash", {
      command: `(ENGINE=$PPID "${process.execPath}" "${approver}" >/dev/null 2>&1 &) ; echo started`,
      description: "Wait for my own ask",
    }),
    call("write", { filePath: "a.txt", content: "one\n" }),
    say("Nobody had to agree."),
  ],
  commands: [
    call("bash", { command: "ls -la", description: "Look" }),
    call("bash", { command: "touch made.txt && ls made.txt", description: "Make" }),
    say("Done."),
  ],
  choose: [
    question("Which colour should the door have?", "Door colour", { Red: "Easy to find", Blue: "Calm" }),
    say((seen) => `Told: ${seen.toolResults.at(-1)}`),
  ],
};

let world: AgentWorld;
beforeAll(async () => {
  world = await createAgentWorld(scripts);
});
afterAll(() => world?.close());

const under = (of: AgentWorld, ...permissions: PermissionRule[]) =>
  permissionsOf({ permissions }, permissionsIn(of.sandbox.kind));
const asksForEdits = { permission: "edit", pattern: "*", action: "ask" } as const;
const careful = () => under(world, asksForEdits);

type Asked = PayloadOf<"permission.asked"> | PayloadOf<"question.asked">;
const askedIn = (events: readonly RuntimeEvent[]): Asked[] =>
  events.flatMap((event) =>
    event.type === "permission.asked" || event.type === "question.asked" ? event.payload : [],
  );
const decidedAs = (asked: Asked, change: Partial<Decided> = {}): Decided => ({
  ...asked.decision,
  status: "approved",
  answers: null,
  ...change,
});

/** A turn that has been decided about by `person`, who is shown each ask once. */
async function askedOf(
  started: Started,
  text: string,
  person: (asked: Asked, n: number) => unknown,
  more: Partial<TurnRequest> = {},
) {
  const events: RuntimeEvent[] = [];
  let heard = 0;
  const { end } = await ask(started.runtime, text, {
    ...more,
    onEvents: (some) => {
      events.push(...some);
      for (const asked of askedIn(some)) person(asked, heard++);
    },
  });
  return { end, events, asks: askedIn(events) };
}
const typesOf = (events: readonly RuntimeEvent[]) => events.map(({ type }) => type);

describe("an agent that must ask before it changes a file", () => {
  it("waits for a person with the exact call, goes on once it is approved, and confirms it", async () => {
    const started = await world.start({ permissions: careful() });
    const file = join(started.workspace, "a.txt");
    let existedBefore = true;
    const { end, events, asks } = await askedOf(
      started,
      "[script:write]",
      async (asked) => {
        await systemClock.sleep(12_000);
        existedBefore = existsSync(file);
        started.runtime.decide(decidedAs(asked));
      },
      { silentMs: 10_000 },
    );
    expect(end).toEqual({ kind: "completed" });
    expect([existedBefore, existsSync(file)]).toEqual([false, true]);
    expect(asks).toEqual([
      expect.objectContaining({
        permission: "edit",
        patterns: ["a.txt"],
        metadata: expect.objectContaining({ diff: expect.stringContaining("+one") as string }) as object,
      }),
    ]);
    expect(JSON.stringify(asks)).not.toContain(world.root);
    expect(typesOf(events)).toContain("permission.replied");
    expect(saidIn(events)).toContain("Told: Wrote file");
    await started.runtime.end();
  });

  it.each(["refused", "expired"] as const)("is told no when it is %s, and nothing is written", async (status) => {
    const started = await world.start({ permissions: careful() });
    const { end, events } = await askedOf(started, "[script:write]", (asked) =>
      started.runtime.decide(decidedAs(asked, { status })),
    );
    expect(end).toEqual({ kind: "completed" });
    expect(existsSync(join(started.workspace, "a.txt"))).toBe(false);
    expect(events.find(({ type }) => type === "permission.replied")).toMatchObject({ payload: { reply: "reject" } });
    expect(JSON.stringify(events)).toContain("rejected permission");
    await started.runtime.end();
  });

  it("is asked about again when the decision was made about another call", async () => {
    const started = await world.start({ permissions: careful() });
    const { end, asks } = await askedOf(started, "[script:write]", (asked, n) =>
      started.runtime.decide(decidedAs(asked, n === 0 ? { requestHash: "0".repeat(64) } : {})),
    );
    expect(end).toEqual({ kind: "completed" });
    expect(asks).toHaveLength(2);
    expect(asks[0]!.id).toBe(asks[1]!.id);
    expect(asks[0]!.decision.decisionId).not.toBe(asks[1]!.decision.decisionId);
    await started.runtime.end();
  });

  it("is stopped while it waits, and the next prompt finds no ask of it", async () => {
    const started = await world.start({ permissions: careful() });
    const stop = new AbortController();
    const first = await askedOf(started, "[script:write]", () => stop.abort(), { stop: stop.signal });
    expect(first.end).toEqual({ kind: "aborted" });
    const second = await askedOf(started, "[script:write-twice]", (asked) => started.runtime.decide(decidedAs(asked)));
    expect(second.end).toEqual({ kind: "completed" });
    expect(second.asks.map((asked) => asked["patterns"])).toEqual([["a.txt"], ["b.txt"]]);
    expect(existsSync(join(started.workspace, "b.txt"))).toBe(true);
    await started.runtime.end();
  });
});

describe("an agent that has a question", () => {
  it.each([
    [[["Blue"]], "Blue"],
    [[["Something like violet"]], "violet"],
  ])("is given the answer %j", async (answers, told) => {
    const started = await world.start();
    const { end, events, asks } = await askedOf(started, "[script:choose]", (asked) =>
      started.runtime.decide(decidedAs(asked, { status: "answered", answers })),
    );
    expect(end).toEqual({ kind: "completed" });
    expect(asks).toMatchObject([
      { questions: [{ header: "Door colour", options: [{ label: "Red" }, { label: "Blue" }] }] },
    ]);
    expect(typesOf(events)).toContain("question.replied");
    expect(saidIn(events)).toContain(told);
    await started.runtime.end();
  });

  it("goes on without an answer when the question is refused", async () => {
    const started = await world.start();
    const { end, events } = await askedOf(started, "[script:choose]", (asked) =>
      started.runtime.decide(decidedAs(asked, { status: "refused" })),
    );
    expect(end).toEqual({ kind: "completed" });
    expect(typesOf(events)).toContain("question.rejected");
    await started.runtime.end();
  });

  it("has no such tool where its profile denies it", async () => {
    const permissions = under(world, { permission: "question", pattern: "*", action: "deny" });
    const started = await world.start({ permissions });
    const { asks } = await askedOf(started, "[script:choose]", () => {});
    expect(asks).toEqual([]);
    expect(world.model.requests.at(-1)!.tools).not.toContain("question");
    await started.runtime.end();
  });
});

describe("an agent that may run some commands and must ask for the others", () => {
  it("runs the one at once, and waits with the other, of which each part is named", async (context) => {
    if (world.sandbox.kind === "none") context.skip("without a sandbox no command is permitted at all");
    const permissions = under(
      world,
      { permission: "bash", pattern: "*", action: "ask" },
      { permission: "bash", pattern: "ls *", action: "allow" },
    );
    const started = await world.start({ permissions });
    const { end, asks } = await askedOf(started, "[script:commands]", (asked) =>
      started.runtime.decide(decidedAs(asked)),
    );
    expect(end).toEqual({ kind: "completed" });
    expect(asks).toMatchObject([
      {
        permission: "bash",
        patterns: ["touch made.txt", "ls made.txt"],
        metadata: { command: "touch made.txt && ls made.txt" },
      },
    ]);
    expect(existsSync(join(started.workspace, "made.txt"))).toBe(true);
    await started.runtime.end();
  });
});

describe("an agent that answers its own ask through OpenCode's API", () => {
  it("is found out, and its turn is ended", async () => {
    // Where its shell is not confined: in a sandbox it does not get that far (sandboxed.e2e.test.ts).
    const unconfined = await createAgentWorld(scripts, "none");
    const permissions = { ...under(unconfined, asksForEdits), bash: "allow" } as const;
    const started = await unconfined.start({ permissions });
    const { end, asks } = await askedOf(started, "[script:approve-myself]", () => {});
    expect(asks).toHaveLength(1);
    expect(end).toMatchObject({ kind: "failed", reason: "unrecorded_reply" });
    await unconfined.close();
  });
});
