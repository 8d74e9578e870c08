import { services } from "@open-cowork/contracts/config/services";
import { runService } from "@open-cowork/telemetry/run-service";
import { startWorker } from "./worker.ts";

await runService({ role: "worker", ...services.worker, start: startWorker });
