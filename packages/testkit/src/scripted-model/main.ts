import { parseArgs } from "node:util";
import { startScriptedModel } from "./server.ts";

const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
const model = await startScriptedModel({ port: Number(values.port) }).catch((error: unknown) => {
  console.error(`scripted model: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
console.log(`scripted model listening on ${model.baseUrl}`);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void model.close());
}
