import type {
  CommandStatus,
  DecisionStatus,
  SessionStatus,
  WorkerStatus,
  WorkStatus,
} from "@open-cowork/contracts/lifecycles";
import type { ColumnType, Generated } from "kysely";

/** The tables as Kysely sees them. What they mean is said in migrations/0001_foundation.sql. */
type Timestamp = ColumnType<Date, never, never>;
type DefaultedTimestamp = ColumnType<Date, Date | undefined, Date>;
type Json = ColumnType<unknown, object, object>;

export interface Schema {
  "cowork.plane": { singleton: boolean; epoch: string };
  "cowork.event_types": { type: string; producer: "plane" | "runtime"; projected: boolean };
  "cowork.failures": { reason: string; retry: "never" | "later" | "free" };
  "cowork.orgs": { org_id: string; name: string; created_at: DefaultedTimestamp };
  "cowork.tenants": {
    org_id: string;
    waiting: Generated<number>;
    promoted: Generated<number>;
    weight: Generated<number>;
  };
  "cowork.users": { user_id: string; email: string; display_name: string; created_at: DefaultedTimestamp };
  "cowork.memberships": { org_id: string; user_id: string; role: "owner" | "admin" | "member" | "viewer" };
  "cowork.sign_in_links": {
    link_hash: string;
    org_id: string;
    user_id: string;
    expires_at: ColumnType<Date, Date, never>;
    used_at: Timestamp | null;
  };
  "cowork.worker_pools": { pool_id: string; org_id: string | null; name: string };
  "cowork.workers": {
    worker_id: string;
    pool_id: string;
    name: string;
    status: WorkerStatus;
    status_changed_at: DefaultedTimestamp;
  };
  "cowork.worker_credentials": {
    credential_id: string;
    worker_id: string;
    credential_hash: string;
    expires_at: ColumnType<Date, Date, never>;
    revoked_at: Date | null;
  };
  "cowork.worker_incarnations": { worker_id: string; boot_id: string; last_seen_at: Timestamp; draining: boolean };
  "cowork.profiles": {
    org_id: string;
    profile_id: string;
    name: string;
    version: Generated<number>;
    pool_id: string;
    about: Generated<string>;
    policy: Json;
  };
  "cowork.sessions": {
    org_id: string;
    session_id: string;
    profile_id: string;
    title: string;
    status: Generated<SessionStatus>;
    runtime_session_id: string | null;
    created_by: string;
    created_at: DefaultedTimestamp;
    updated_at: DefaultedTimestamp;
  };
  "cowork.commands": {
    org_id: string;
    command_id: string;
    session_id: string;
    command_seq: number;
    kind: "prompt";
    body: Json;
    status: Generated<CommandStatus>;
    attempt: Generated<number>;
    reason: string | null;
    created_by: string;
    created_at: DefaultedTimestamp;
    ended_at: Date | null;
  };
  "cowork.lanes": {
    lane_id: string;
    org_id: string;
    session_id: string | null;
    next_seq: Generated<number>;
    next_command_seq: Generated<number>;
    work_id: string | null;
    attempt: number | null;
    lease_expires_at: Date | null;
    worker_id: string | null;
  };
  "cowork.work": {
    org_id: string;
    work_id: string;
    lane_id: string;
    session_id: string | null;
    command_id: string | null;
    work_type: "session_command";
    pool_id: string;
    status: WorkStatus;
    class: Generated<number>;
    position: number;
    available_at: DefaultedTimestamp;
    ready_at: Date | null;
    attempt: Generated<number>;
    reason: string | null;
    traceparent: string | null;
  };
  "cowork.session_events": {
    session_id: string;
    seq: number;
    org_id: string;
    type: string;
    part_id: string | null;
    payload: Json;
    attempt: number | null;
    command_id: string | null;
    at: Date;
  };
  "cowork.parts": {
    session_id: string;
    message_id: string;
    part_id: string;
    org_id: string;
    command_id: string | null;
    attempt: number | null;
    last_seq: number;
    body: Json;
  };
  "cowork.signals": {
    signal_id: string;
    org_id: string;
    session_id: string;
    work_id: string;
    kind: "stop" | "decision";
    created_by: string | null;
  };
  "cowork.decisions": {
    org_id: string;
    decision_id: string;
    session_id: string;
    work_id: string;
    attempt: number;
    command_id: string | null;
    kind: "approval" | "question";
    status: DecisionStatus;
    request: Json;
    asked_at: Date;
    expires_at: Date;
    answers: Json | null;
    decided_by: string | null;
    decided_at: Date | null;
  };
  "cowork.dead_letters": {
    org_id: string;
    work_id: string;
    died_at: Date;
    reason: string;
    attempts: number;
    resolution: "retried" | "dropped" | null;
  };
  "cowork.audit": {
    audit_id: Generated<number>;
    org_id: string | null;
    action: string;
    reason: string | null;
    actor_kind: "user" | "worker" | "scheduler" | "operator" | "unknown";
    actor_id: string | null;
    subject: Json;
  };
}
