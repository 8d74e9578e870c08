import type { WorkerCheckConfig } from "@open-cowork/contracts/config/services";
import { openDatabase } from "@open-cowork/store/database/open";
import { selfCheck } from "@open-cowork/store/database/self-check";
import { engineVersion, proveEngineBinary } from "../runtime/binary.ts";
import type { Step } from "./steps.ts";

/** What must be there before an agent can be started. */
export function machineSteps(config: WorkerCheckConfig): Step[] {
  return [
    { name: "OpenCode binary", run: checkBinary },
    { name: "database", run: () => checkDatabase(config.database) },
  ];
}

async function checkBinary(): Promise<string> {
  const { path, isDigestKnown } = await proveEngineBinary();
  return `${engineVersion()}, ${isDigestKnown ? "the released file" : "digest not known for this platform"}: ${path}`;
}

async function checkDatabase({ url, ...rest }: WorkerCheckConfig["database"]): Promise<string> {
  if (url === undefined) return "not configured, not checked";
  const database = openDatabase({ ...rest, url, applicationName: "cowork-worker-check" });
  try {
    const [problem] = await selfCheck(database, "worker", rest.deadlineMs);
    if (problem !== undefined) throw new Error(problem);
    return "answers, and its roles and time are right";
  } finally {
    await database.close();
  }
}
