/** The database can't answer now. Callers turn it into a 503 or try again; everything else that throws is a bug. */
export class DatabaseUnavailable extends Error {
  override name = "DatabaseUnavailable";
}

/** Server states that say "not now": shutting down, starting up, out of connections, ended by an operator. */
const passing = new Set(["57P01", "57P02", "57P03", "57014", "53300", "40001", "40P01", "55P03"]);

export function isPassing(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return false;
  return passing.has(code) || code.startsWith("08") || /^(E[A-Z]+|CONNECTION_[A-Z_]+|CONNECT_TIMEOUT)$/.test(code);
}
