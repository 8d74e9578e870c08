import { isCode, isTest, lineOf, withoutComments, type Sources } from "./sources.ts";

const theClock = "packages/contracts/src/clock.ts";
const clocks =
  /\bDate\.now\b|\bnew Date\(\s*\)|(?<!\bnew )(?<![\w.])Date\(|\bperformance\.now\b|\bprocess\.hrtime\b|(?<!\.)\b(?:setTimeout|setInterval|setImmediate)\(|["'](?:node:)?timers(?:\/promises)?["']|\bAbortSignal\.timeout\(|\bTemporal\.Now\b/g;

/**
 * Tests may look at the wall (they measure the real system) and so may the lab, which makes the clocks that tests move.
 * Scripts may not: they pace real processes, and `within`, `every` and `eventually` do it with a deadline.
 */
export function clockProblems(sources: Sources): string[] {
  return [...sources]
    .filter(([path]) => isCode(path) && !isTest(path) && path !== theClock && !path.startsWith("packages/testkit/"))
    .flatMap(([path, text]) => {
      const code = withoutComments(text);
      return [...code.matchAll(clocks)].map(
        ({ 0: found, index }) =>
          `${path}:${lineOf(code, index)} uses ${found.trim()}: only ${theClock} reads a clock or sets a timer, so that tests can move time`,
      );
    });
}
