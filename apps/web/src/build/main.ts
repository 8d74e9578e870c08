import { systemClock } from "@open-cowork/contracts/clock";
import { buildWeb } from "./build-web.ts";
import { outDir } from "./plan.ts";

/** For images and checks; a service that starts builds by itself. */
const startedMs = systemClock.monotonicMs();
const { manifest, built } = await buildWeb();
const took = Math.round(systemClock.monotonicMs() - startedMs);
process.stdout.write(
  `${built ? "built" : "still fresh"} in ${took} ms: ${Object.values(manifest.assets).join(", ")} in ${outDir}\n`,
);
