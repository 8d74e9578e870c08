import { uuidv7 } from "uuidv7";
import { z } from "zod";

/**
 * Ids are uuidv7 made in TypeScript: they sort by time, so their indexes grow at one end, and they exist before the
 * row does. Each kind is its own type, so that a worker id can't be passed where a session id is meant.
 */
export type Id<Kind extends string> = string & { readonly __kind: Kind };

export type OrgId = Id<"org">;
export type UserId = Id<"user">;
export type PoolId = Id<"pool">;
export type WorkerId = Id<"worker">;
/** One process of a worker; a rollout runs two of them for a while. */
export type BootId = Id<"boot">;
export type SessionId = Id<"session">;
export type CommandId = Id<"command">;
export type WorkId = Id<"work">;
export type DecisionId = Id<"decision">;
export type ProfileId = Id<"profile">;
export type SignalId = Id<"signal">;

export function newId<Kind extends string>(): Id<Kind> {
  return uuidv7() as Id<Kind>;
}

/** For the border: parses an id out of a path, a body or a row that was not typed. */
export function idSchema<Kind extends string>() {
  return z.uuid().transform((value) => value.toLowerCase() as Id<Kind>);
}
