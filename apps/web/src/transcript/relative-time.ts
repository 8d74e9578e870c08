const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** "3 min ago", as server and browser both say it; a date once it is more than a month old. */
export function relativeTime(at: string, now: Date): string {
  const seconds = Math.round((now.getTime() - Date.parse(at)) / 1000);
  if (seconds < 45) return "just now";
  if (seconds < hour) return `${Math.max(1, Math.round(seconds / minute))} min ago`;
  if (seconds < day) return `${Math.round(seconds / hour)} h ago`;
  if (seconds < 30 * day) return `${Math.round(seconds / day)} d ago`;
  return at.slice(0, 10);
}

/** "850 ms", "12 s", "3 min 20 s": short enough for a status line. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < minute) return `${seconds} s`;
  return seconds % minute === 0
    ? `${seconds / minute} min`
    : `${Math.floor(seconds / minute)} min ${seconds % minute} s`;
}
