import type { EventType, eventTypes, PayloadOf } from "@open-cowork/contracts/events";
import { sql } from "kysely";
import type { Tx } from "../database/in-org.ts";

type PlaneEventType = { [T in EventType]: (typeof eventTypes)[T]["producer"] extends "plane" ? T : never }[EventType];

export interface Fact<T extends PlaneEventType> {
  laneId: string;
  type: T;
  attempt: number | null;
  commandId: string | null;
  payload: PayloadOf<T>;
  /** When it happened; the moment of writing unless a row carries the same instant. */
  at?: Date;
}

/** Appends a fact of the plane to a session. The caller holds the lane's lock. */
export async function stateFact<T extends PlaneEventType>(tx: Tx, fact: Fact<T>): Promise<void> {
  await sql`select internal.state_fact(${fact.laneId}, ${fact.type}, ${fact.attempt}::int, ${fact.commandId}::uuid,
    ${fact.payload}::jsonb, ${fact.at ?? null}::timestamptz)`.execute(tx);
}
