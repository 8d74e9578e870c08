export type PostgresProblem =
  | "no_binaries"
  | "cannot_drop_root"
  | "port_busy"
  | "directory_unwritable"
  | "wrong_owner"
  | "half_initialised"
  | "other_version"
  | "already_running"
  | "failed";

/** Why the embedded Postgres did not start. The message is one line for a person and ends with the way out. */
export class PostgresStartError extends Error {
  override name = "PostgresStartError";
  readonly problem: PostgresProblem;
  /** Of the postmaster that is in the way, when `problem` is `already_running`. */
  readonly pid: number | undefined;

  constructor(problem: PostgresProblem, message: string, more: { pid?: number; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.problem = problem;
    this.pid = more.pid;
  }
}
