import { newId, type SessionId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Actor } from "../database/in-org.ts";
import { newTenant, setQuota, wishOf } from "../testing/builders.ts";
import { openSession } from "../testing/open-session.ts";
import { createWorld, type World } from "../testing/world.ts";
import { createSession } from "./create-session.ts";
import { findSession } from "./find-session.ts";
import { listSessions } from "./list-sessions.ts";

let world: World;
let other: Actor;
beforeAll(async () => {
  world = await createWorld();
  other = await newTenant(world, "other");
});
afterAll(() => world.drop());

const web = () => world.as.web.db;
const titleOf = async (wish: { title?: string; prompt?: string }) => {
  const { sessionId } = await openSession(web(), world.actor, wish);
  return (await findSession(web(), world.actor, sessionId))!.title;
};

describe("creating a session", () => {
  it("names it as asked, or after the first line of its prompt, cut where it gets long", async () => {
    expect(await titleOf({ title: "Mine", prompt: "x" })).toBe("Mine");
    expect(await titleOf({ prompt: "\n  First line \nsecond" })).toBe("First line");
    expect(await titleOf({ prompt: "x".repeat(500) })).toBe(`${"x".repeat(79)}…`);
    expect(await titleOf({})).toBe("New session");
  });

  it("without a prompt makes no work, and with one that is refused makes nothing at all", async () => {
    const { sessionId, command } = await openSession(web(), world.actor);
    expect(command).toBeNull();
    expect(await findSession(web(), world.actor, sessionId)).toMatchObject({ status: "open", lastCommandStatus: null });
    const before = (await listSessions(web(), other, { limit: 100 })).sessions.length;
    await setQuota(world, other, "queue_depth", 0);
    expect(await createSession(web(), other, { prompt: "Say hello", traceparent: null })).toEqual({
      ok: false,
      reason: "quota_exceeded",
    });
    expect((await world.audit()).at(-1)).toMatchObject({ action: "quota_denied", reason: "queue_depth" });
    expect((await listSessions(web(), other, { limit: 100 })).sessions).toHaveLength(before);
    await setQuota(world, other, "queue_depth", 100);
  });
});

describe("finding a session", () => {
  it("finds one's own with the state of its newest command, and nothing of another organisation", async () => {
    const sessionId = await world.wish();
    expect(await findSession(web(), world.actor, sessionId)).toMatchObject({ sessionId, lastCommandStatus: "waiting" });
    expect(await findSession(web(), other, sessionId)).toBeNull();
    expect(await findSession(web(), world.actor, newId())).toBeNull();
  });
});

describe("listing sessions", () => {
  it("pages through all, the newest change first, each once, also those that changed at one instant", async () => {
    const mine: SessionId[] = [];
    const tenant = await newTenant(world, "lister");
    for (let n = 0; n < 7; n += 1) mine.push(await wishOf(world, tenant));
    await sql`update cowork.sessions set updated_at = '2026-01-01' where session_id in (${sql.join(mine.slice(0, 4))})`.execute(
      world.owner.db,
    );
    const seen: string[] = [];
    let before: string | undefined;
    do {
      const page = await listSessions(web(), tenant, { limit: 3, before });
      seen.push(...page.sessions.map((session) => session.sessionId));
      before = page.nextCursor ?? undefined;
    } while (before);
    expect(seen).toHaveLength(7);
    expect(new Set(seen)).toEqual(new Set(mine));
    expect(seen.slice(0, 3)).toEqual(mine.slice(4).toReversed());
  });

  it.each(["garbage", "2026-01-01_x", "' or true --", ""])("starts at the top for the cursor '%s'", async (before) => {
    const top = await listSessions(web(), world.actor, { limit: 2 });
    expect(await listSessions(web(), world.actor, { limit: 2, before })).toEqual(top);
  });
});
