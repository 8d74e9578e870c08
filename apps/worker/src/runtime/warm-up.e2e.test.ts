import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@open-cowork/contracts/ids";
import { ask, createAgentWorld, type AgentWorld } from "../testing/agent-world.ts";
import { saidIn } from "../testing/said-in.ts";
import { sessionDirectoryOf } from "./session-directory.ts";

let world: AgentWorld;
beforeAll(async () => (world = await createAgentWorld()));
afterAll(() => world?.close());

const rowsOf = (database: DatabaseSync, table: string) =>
  JSON.stringify(database.prepare(`select * from ${table}`).all());

describe("a warm runtime", () => {
  it("has had its first prompt, of which the model heard nothing and the database keeps nothing", async () => {
    const { runtime, workspace } = await world.start({ sessionId: "spare-1", isWarm: true });
    expect(world.brokerOutcomes).toEqual(["early"]);
    expect(world.model.requests).toEqual([]);
    await runtime.end();
    const database = new DatabaseSync(join(workspace, "..", "state", "opencode.db"));
    expect(database.prepare("select id from session").all()).toEqual([{ id: runtime.runtimeSessionId }]);
    for (const table of ["message", "part"]) expect(database.prepare(`select * from ${table}`).all()).toEqual([]);
    for (const table of ["session", "event", "event_sequence"]) {
      expect(rowsOf(database, table)).toContain(runtime.runtimeSessionId);
      expect(rowsOf(database, table)).not.toContain("Warm-up");
    }
    database.close();
  });

  it("is adopted by a session, which goes on in the same place when its own runtime has ended", async () => {
    const spare = await world.start({ sessionId: "spare-2", isWarm: true });
    const sessionId = newId<"session">();
    await spare.runtime.adopt(sessionId);
    world.broker.admit(spare.token);
    const first = await ask(spare.runtime, "[script:demo] remember the colour blue");
    expect(first.end).toEqual({ kind: "completed" });
    expect(JSON.stringify(first.events)).toContain("/workspace/hello.md");
    const { runtimeSessionId } = spare.runtime;
    await spare.runtime.end();
    expect(sessionDirectoryOf(world.root, sessionId).workspace).toBe(spare.workspace);

    const cold = await world.start({ sessionId, runtimeSessionId });
    expect(cold.runtime.runtimeSessionId).toBe(runtimeSessionId);
    const second = await ask(cold.runtime, "[script:text] which colour?");
    expect(saidIn(second.events)).toContain("plain answer");
    expect(JSON.stringify(world.model.requests.at(-1)!.messages)).toContain("the colour blue");
    await cold.runtime.end();
  });
});
