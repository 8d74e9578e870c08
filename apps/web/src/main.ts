import { services, webConfig } from "@open-cowork/contracts/config/services";
import { openDatabase } from "@open-cowork/store/database/open";
import { selfCheck } from "@open-cowork/store/database/self-check";
import { startOpsServer } from "@open-cowork/telemetry/ops-server";
import { runService, StartRefused } from "@open-cowork/telemetry/run-service";
import { publicAddressOf } from "./door/public-address.ts";
import { startWebServer } from "./server.ts";

await runService({
  role: "web",
  schema: webConfig,
  about: services.web.about,
  start: async ({ config, telemetry }) => {
    const answer = publicAddressOf(config);
    if (!answer.ok) throw new StartRefused([answer.problem]);
    const { address } = answer;
    const database = openDatabase({
      ...config.database,
      applicationName: "cowork-web",
      onQuery: (pool, seconds, outcome) => telemetry.observe("cowork_db_query_seconds", seconds, { pool, outcome }),
    });
    const closing: Array<() => Promise<void>> = [() => database.close()];
    const close = async () => {
      for (const step of closing.toReversed()) await step();
    };
    try {
      const problems = await selfCheck(database, "web");
      if (problems.length > 0) throw new StartRefused(problems);
      const web = await startWebServer({ ...config, address }, database, telemetry);
      closing.push(() => web.close());
      const ready = async () => {
        await database.probe();
        return { ok: true } as const;
      };
      const ops = await startOpsServer({ ...config.ops, telemetry, ready });
      closing.push(() => ops.close());
      telemetry.log.info({ origin: address.origin }, "serving");
      return { close };
    } catch (error) {
      await close();
      throw error;
    }
  },
});
