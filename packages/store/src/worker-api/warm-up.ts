/**
 * Makes the plans of a worker's busy verbs on a new connection: with nothing to write they run all the same statements.
 * Without it the first batch that gets the connection would wait for that, some ten milliseconds.
 */
export const workerWarmUp = [
  "select from worker_api_v1.append_events('[]')",
  "select from worker_api_v1.finish('[]')",
] as const;
