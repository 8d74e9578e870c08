import { services } from "@open-cowork/contracts/config/services";
import { runService } from "@open-cowork/telemetry/run-service";
import { runCheck } from "./check/run-check.ts";
import { startWorker } from "./worker.ts";

const [command, ...args] = process.argv.slice(2);
if (command === "check") process.exit(await runCheck(args));
await runService({ role: "worker", ...services.worker, start: startWorker });
