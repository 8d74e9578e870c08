import { sql } from "kysely";

/** The columns of an audit row in one fixed order and form: what a seal covers, to the letter. */
export const rowText = sql<string>`jsonb_build_array(a.era, a.xid::text, a.audit_id, to_char(a.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
  a.org_id, a.action, a.reason, a.actor_kind, a.actor_id, a.subject)::text`;

/** What belongs to no organisation has a chain of its own. */
export const platformChain = "00000000-0000-0000-0000-000000000000";

/** The head that a chain has before its first seal. */
export const firstHead = "0".repeat(64);
