/**
 * A statement that Postgres refused: malformed input or a bug. Made anew from the library's error, which carries the
 * query's text and parameters (a log would print them) and a stack that Kysely can't extend.
 */
export class QueryFailed extends Error {
  override name = "QueryFailed";
  /** SQLSTATE. */
  readonly code: string;
  readonly constraint: string | undefined;
  constructor(message: string, code: string, constraint: string | undefined) {
    super(message);
    this.code = code;
    this.constraint = constraint;
  }
}
