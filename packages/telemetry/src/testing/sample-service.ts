import { webConfig } from "@open-cowork/contracts/config/services";
import { systemClock } from "@open-cowork/contracts/clock";
import { startOpsServer } from "../ops-server.ts";
import { runService, StartRefused } from "../run-service.ts";

/** A service that does nothing but behave as SAMPLE says; run-service.test.ts starts it as a real process. */
const behaviours: Record<string, (stopping: AbortSignal) => Promise<() => Promise<void>>> = {
  serves: async () => async () => {},
  refuses: async () => {
    throw new StartRefused(["the sky is missing", "put one up"]);
  },
  breaks: async () => {
    throw new Error("cannot reach postgres://cowork:hunter2@127.0.0.1/x");
  },
  "never starts": async (stopping) => {
    await systemClock.sleep(600_000, stopping);
    return async () => {};
  },
  "never stops": async () => () => systemClock.sleep(600_000),
  "stops slowly": async () => () => systemClock.sleep(300),
  "rejects later": async () => {
    void systemClock.sleep(10).then(() => Promise.reject(new Error("nobody waits for me")));
    return async () => {};
  },
  "throws later": async () => {
    queueMicrotask(() => {
      throw new Error("nobody catches me");
    });
    return async () => {};
  },
};

await runService({
  role: "web",
  schema: webConfig,
  about: "a sample.",
  start: async ({ config, telemetry, stopping }) => {
    const behave = behaviours[process.env["SAMPLE"] ?? "serves"]!;
    const ops = await startOpsServer({ ...config.ops, telemetry, ready: async () => ({ ok: true }) });
    const close = await behave(stopping);
    return {
      close: async () => {
        await close();
        await ops.close();
      },
    };
  },
});
