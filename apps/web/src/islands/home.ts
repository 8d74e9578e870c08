import { systemClock } from "@open-cowork/contracts/clock";
import { relativeTime } from "../transcript/relative-time.ts";
import { enterSends } from "./enter-sends.ts";

/** The list works as it is; this adds the keys of the prompt box and keeps "3 min ago" true. */
const refreshMs = 30_000;

document.documentElement.classList.add("has-script");
document.querySelector<HTMLTextAreaElement>("#composer")?.addEventListener("keydown", enterSends);

for (;;) {
  await systemClock.sleep(refreshMs);
  for (const time of document.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
    time.textContent = relativeTime(time.dateTime, systemClock.now());
  }
}
