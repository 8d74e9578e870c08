/**
 * What an organisation may have at once when nobody gave it limits of its own. They count what is live, so an
 * organisation that waits gets its room back by itself.
 */
export const quotas = {
  concurrent_sessions: { most: 50, means: "Pieces of work that are ready or running at the same time." },
  queue_depth: { most: 10_000, means: "Pieces of work that wait to become ready." },
} as const satisfies Record<string, { most: number; means: string }>;

export type Quota = keyof typeof quotas;
