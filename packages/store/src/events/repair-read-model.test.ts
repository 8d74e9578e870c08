import { newId, type SessionId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWorld, said, type TestWorker, type World } from "../testing/world.ts";
import { appendEvents } from "../worker-api/append-events.ts";
import { finishWork } from "../worker-api/finish-work.ts";
import { readSnapshot } from "./read-snapshot.ts";
import { repairReadModel } from "./repair-read-model.ts";

let world: World;
let worker: TestWorker;
let sessionId: SessionId;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
beforeEach(async () => {
  sessionId = await world.wish();
  const { lease } = await world.claimOne(worker);
  const append = (batchNo: number, events: Parameters<typeof appendEvents>[1][number]["events"]) =>
    appendEvents(world.as.worker.db, [{ lease, batchNo, events }]);
  await append(1, [said.message("msg_1"), said.part("msg_1", "prt_1", ""), said.delta("msg_1", "prt_1", 0, "whole")]);
  await append(2, [said.part("msg_1", "prt_1", "whole answer", 2)]);
  await append(3, [said.part("msg_2", "prt_2", "", undefined), said.delta("msg_2", "prt_2", 0, "still speaking")]);
  await finishWork(world.as.worker.db, { lease, batchNo: 4, events: [], outcome: { kind: "succeeded" } });
});
afterAll(() => world.drop());

const repair = (write = true) => repairReadModel(world.owner.db, sessionId, { write });
const seen = async () => (await readSnapshot(world.as.web.db, world.actor, sessionId))!.transcript;
const harm = (text: string) => sql.raw(`${text} and session_id = '${sessionId}'`).execute(world.owner.db);

describe("the repair of a session's read model", () => {
  it("finds nothing to do in what the verbs wrote, nor after itself", async () => {
    expect(await repair()).toEqual({ wrong: [], agrees: true });
  });

  it.each([
    ["a part that is gone", "delete from cowork.parts where part_id = 'prt_1'", "msg_1/prt_1"],
    ["a message that is gone", "delete from cowork.parts where message_id = 'msg_1' and part_id = ''", "msg_1/"],
    ["an older text", `update cowork.parts set body = body || '{"text": "wh"}' where part_id = 'prt_1'`, "msg_1/prt_1"],
    ["a part of nothing", "update cowork.parts set part_id = 'prt_9' where part_id = 'prt_2'", "msg_2/prt_2"],
    [
      "a position that it has not reached",
      "update cowork.parts set last_seq = 99 where part_id = 'prt_2'",
      "msg_2/prt_2",
    ],
    [
      "another attempt's name",
      "update cowork.parts set attempt = 7 where message_id = 'msg_1' and part_id = ''",
      "msg_1/",
    ],
  ])("finds %s, and puts it right", async (_, text, key) => {
    const before = await seen();
    await harm(text);
    expect(await repair(false)).toMatchObject({ wrong: expect.arrayContaining([key]) as string[], agrees: false });
    expect((await repair())!.wrong).toContain(key);
    expect(await seen()).toEqual(before);
    expect(await repair()).toEqual({ wrong: [], agrees: true });
  });

  it("writes no command, but says that one differs from its events", async () => {
    await harm("update cowork.commands set reason = 'nothing happened' where true");
    expect(await repair()).toEqual({ wrong: [], agrees: false });
  });

  it("knows a session that is none", async () => {
    expect(await repairReadModel(world.owner.db, newId<"session">(), { write: true })).toBeNull();
  });
});
