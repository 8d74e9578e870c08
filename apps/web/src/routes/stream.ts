import type { SessionId } from "@open-cowork/contracts/ids";
import { parseCursor, type Topic } from "@open-cowork/contracts/stream";
import { readEpoch } from "@open-cowork/store/events/read-epoch";
import { readEvents } from "@open-cowork/store/events/read-events";
import { readSnapshot } from "@open-cowork/store/events/read-snapshot";
import { resolveBrowserSession } from "@open-cowork/store/identity/resolve-browser-session";
import { z } from "zod";
import type { Door } from "../door/mount-routes.ts";
import { check } from "../door/read-body.ts";
import type { Handlers, PersonVisit } from "../door/visit.ts";
import type { EventStreams } from "../streams/event-streams.ts";
import { sessionIdOf, type StreamSource } from "../streams/follow.ts";

const pageOfEvents = 200;
const topicsPerStream = 20;

const StreamQuery = z.strictObject({
  topics: z
    .string()
    .transform((text) => [...new Set(text.split(","))])
    .pipe(
      z
        .array(z.templateLiteral(["session:", z.uuid()]))
        .min(1)
        .max(topicsPerStream),
    ),
  cursor: z.string().optional(),
});

export function streamRoutes(door: Door, streams: EventStreams): Pick<Handlers, "stream"> {
  return {
    stream: async (visit) => {
      const query = check(StreamQuery, visit.c.req.query());
      if (!query.ok) return query;
      // A browser that reconnects by itself repeats the old address, so its header is the newer of the two.
      const cursor = visit.c.req.header("last-event-id") ?? query.value.cursor;
      const epoch = await readEpoch(door.database.streams);
      // Asked in the same turn of the event loop as opening, so that a crowd can't pass together.
      const { userId } = visit.person;
      if (streams.isFullFor(userId)) return { ok: false, reason: "too_many_streams", retryAfterSeconds: 5 };
      const body = streams.open(
        userId,
        {
          topics: query.value.topics.map((topic): Topic => `session:${topic.slice("session:".length).toLowerCase()}`),
          epoch,
          cursor: cursor === undefined ? null : parseCursor(cursor),
          source: sourceFor(door, streams, visit, epoch),
        },
        () => visit.c.env.outgoing?.destroy(),
      );
      return new Response(body, {
        headers: {
          "content-type": "text/event-stream",
          "cache-control": "no-store, no-transform",
          "x-accel-buffering": "no",
        },
      });
    },
  };
}

function sourceFor(door: Door, streams: EventStreams, visit: PersonVisit, epoch: string): StreamSource {
  const { db, streams: pool } = door.database;
  const { person, browserTokenHash } = visit;
  // What may be read depends on the organisation alone, so a read is shared within it and never beyond.
  const shared = <T>(what: string, read: () => Promise<T>) => streams.reads.read(`${person.orgId} ${what}`, read);
  return {
    snapshot: (topic) => shared(topic, () => readSnapshot(pool, person, sessionIdOf(topic) as SessionId)),
    changes: (topic, after) =>
      shared(`${topic} ${after}`, () => readEvents(pool, person, sessionIdOf(topic) as SessionId, after, pageOfEvents)),
    stillHolds: async () => {
      const [now, epochNow] = await Promise.all([resolveBrowserSession(db, browserTokenHash), readEpoch(pool)]);
      return now !== null && now.orgId === person.orgId && now.userId === person.userId && epochNow === epoch;
    },
  };
}
