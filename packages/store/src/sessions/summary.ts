import type { SessionSummary } from "@open-cowork/contracts/http";
import type { CommandStatus, SessionStatus } from "@open-cowork/contracts/lifecycles";
import { sql } from "kysely";
import type { Actor, Tx } from "../database/in-org.ts";

interface SummaryRow {
  session_id: string;
  title: string;
  status: SessionStatus;
  created_at: Date;
  updated_at: Date;
  last_command_status: CommandStatus | null;
  waits_for_person: boolean;
}

/** What a list or a header shows of a session; the newest command is one look into its unique index. */
export function selectSummaries(tx: Tx, actor: Actor) {
  return tx
    .selectFrom("cowork.sessions as s")
    .select((eb) => [
      "s.session_id",
      "s.title",
      "s.status",
      "s.created_at",
      "s.updated_at",
      eb
        .selectFrom("cowork.commands as c")
        .select("c.status")
        .whereRef("c.session_id", "=", "s.session_id")
        .orderBy("c.command_seq", "desc")
        .limit(1)
        .as("last_command_status"),
      sql<boolean>`exists (select from cowork.decisions d where d.session_id = s.session_id and d.status = 'open')`.as(
        "waits_for_person",
      ),
    ])
    .where("s.org_id", "=", actor.orgId);
}

export function toSummary(row: SummaryRow): SessionSummary {
  return {
    sessionId: row.session_id,
    title: row.title,
    status: row.status,
    lastCommandStatus: row.last_command_status,
    waitsForPerson: row.waits_for_person,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
