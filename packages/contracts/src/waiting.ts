/** Why a piece of work is not running: the reasons that `explain_waiting` answers with, and what a person reads. */
export const waitingReasons = {
  behind_in_its_session: "waiting for the prompt before it",
  not_due: "the last attempt failed; the next one starts shortly",
  over_quota: "your organisation runs as many sessions at once as it may",
  no_worker: "no worker that can take it is running",
  about_to_be_promoted: "about to start",
  capacity_unavailable: "the workers have too little memory free for another session",
  waits_for_a_free_lane: "all workers are busy",
  waits_for_person: "waiting for a person",
  owner_silent: "its worker has gone silent; another one takes over when the lease runs out",
  running: "working",
  over: "nothing is waiting",
} as const;
export type WaitingReason = keyof typeof waitingReasons;

const saysItAll: ReadonlySet<WaitingReason> = new Set(["running", "over", "about_to_be_promoted", "waits_for_person"]);

/** What to say beside "waiting" or "working"; null where the status says it all. */
export function whyItWaits(reason: WaitingReason): string | null {
  return saysItAll.has(reason) ? null : waitingReasons[reason];
}
