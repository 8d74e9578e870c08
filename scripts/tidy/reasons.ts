import { lineOf, type Sources } from "./sources.ts";

type Table = Record<string, { means: string }>;

/** A person reads `means`, so it is a sentence. */
export function meansProblems(table: Table): string[] {
  return Object.entries(table)
    .filter(([, { means }]) => !/^[A-Z].*\.$/.test(means))
    .map(
      ([reason, { means }]) =>
        `${reason} means "${means}": a person reads this, so write one sentence with a full stop`,
    );
}

/** The places where our SQL names a reason by itself instead of passing one on. */
const inSql = [
  /reason\s*:=\s*'([a-z_]+)'/g,
  /\bselect\s+false,\s*'([a-z_]+)'/g,
  /\bthen\s+'([a-z_]+)'\s+else\s+p_reason/g,
  /\bend_attempt\([^)]*,\s*'([a-z_]+)'\)/g,
];

export function sqlReasonProblems(sources: Sources, known: Table): string[] {
  return sqlReasons(sources)
    .filter(({ reason }) => !(reason in known))
    .map(
      ({ at, reason }) =>
        `${at} says '${reason}': contracts/refusals.ts knows no such reason, so nobody could act on it`,
    );
}

export function sqlReasons(sources: Sources): Array<{ at: string; reason: string }> {
  return [...sources]
    .filter(([path]) => path.startsWith("packages/store/") && path.endsWith(".sql"))
    .flatMap(([path, text]) =>
      inSql.flatMap((pattern) =>
        [...text.matchAll(pattern)].map((match) => ({ at: `${path}:${lineOf(text, match.index)}`, reason: match[1]! })),
      ),
    );
}
