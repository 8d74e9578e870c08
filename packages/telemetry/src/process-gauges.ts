import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Instruments } from "./instruments.ts";

const resolutionMs = 20;

/** What every role tells about its own process. Returns how to stop watching. */
export function watchProcess(instruments: Instruments): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  instruments.gauge("cowork_process_resident_bytes", () => [{ value: process.memoryUsage.rss(), labels: {} }]);
  instruments.gauge("cowork_event_loop_lag_seconds", () => {
    // The histogram holds whole intervals of its own timer; only what exceeds one of them is lag.
    const seconds = Math.max(0, delay.percentile(99) / 1e9 - resolutionMs / 1e3);
    delay.reset();
    return [{ value: seconds, labels: {} }];
  });
  return () => void delay.disable();
}
