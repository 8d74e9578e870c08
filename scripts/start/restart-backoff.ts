/** Lived shorter than this: it will probably crash again, so wait longer. */
const quickMs = 10_000;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
export const quickCrashesUntilSlow = 5;

export interface RestartDecision {
  pauseMs: number;
  /** In a row, this one included. */
  quickCrashes: number;
}

/** Pure: how long to wait before a part that has just ended is started again. */
export function decideRestart(previousQuickCrashes: number, livedMs: number): RestartDecision {
  const quickCrashes = livedMs < quickMs ? previousQuickCrashes + 1 : 1;
  return { quickCrashes, pauseMs: Math.min(longestPauseMs, firstPauseMs * 2 ** (quickCrashes - 1)) };
}
