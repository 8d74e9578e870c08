import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { deadline, systemClock } from "@open-cowork/contracts/clock";
import { freePort } from "@open-cowork/testkit/free-port";
import { PlaneClient } from "../plane/plane-client.ts";
import { processesOf, RunningPlane } from "../plane/running-plane.ts";
import { acceptedButUnfinished, brokenSequences, staleWrites, writesAfterTheEnd, type SessionFacts } from "./checks.ts";
import { harmUntil } from "./harm.ts";
import { Ledger } from "./ledger.ts";
import { keepPrompting } from "./load.ts";
import { Seeded } from "./seeded.ts";
import { Watch } from "./watch.ts";

/**
 * `pnpm chaos --seconds 60 --seed N`: a plane of its own under load, harmed by a seeded schedule, then left to heal and
 * checked by code that shares nothing with the product but the database's rows.
 */
const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string" } },
  strict: true,
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error("--seconds and --seed take numbers");

const sessionCount = 3;
const leaseTtlMs = 4_000;
const startMs = 120_000;
const healMs = 180_000;
const answerMs = 60_000;
const say = (line: string) => process.stdout.write(`${line}\n`);

say(`chaos: seed ${seed}, ${seconds} s`);
const root = mkdtempSync(join(tmpdir(), "open-cowork-chaos-"));
const plane = RunningPlane.start({
  ...process.env,
  OPEN_COWORK_CLOUD_ROOT: root,
  OPEN_COWORK_CLOUD_PORT: String(await freePort()),
  OPEN_COWORK_CLOUD_LEASE_TTL_MS: String(leaseTtlMs),
  OPEN_COWORK_CLOUD_LEASE_RENEW_MS: "1000",
  OPEN_COWORK_CLOUD_LEASE_MARGIN_MS: "1000",
  // A runtime that was harmed into silence is noticed within the time that healing may take.
  OPEN_COWORK_CLOUD_RUNTIME_SILENT_MS: "20000",
});
let failed: number;
try {
  failed = await chaos();
} catch (error) {
  say(`chaos broke off: ${(error as Error).stack}\n${plane.output}`);
  failed = 1;
} finally {
  await plane.stop("SIGINT").catch(() => plane.child.kill("SIGKILL"));
}
if (failed === 0) rmSync(root, { recursive: true, force: true });
else say(`seed ${seed} broke it; its data is kept in ${root}`);
process.exit(failed === 0 ? 0 : 1);

async function chaos(): Promise<number> {
  const client = await PlaneClient.signIn(await plane.signInLink(startMs));
  const sessions = await Promise.all(
    Array.from({ length: sessionCount }, (_, n) => client.createSession({ title: `chaos ${n + 1}` })),
  );
  const sessionIds = sessions.map((session) => session.sessionId);
  const ledger = new Ledger(root);
  const random = new Seeded(seed);

  const over = deadline(seconds * 1_000, "chaos");
  const checked = new AbortController();
  const watch = new Watch(ledger, sessionIds);
  const watching = watch.until(checked.signal);
  const [harms, ...loads] = await Promise.all([
    harmUntil(over, {
      root,
      random: new Seeded(random.next() * 2 ** 32),
      frozenMs: leaseTtlMs * 1.75,
      say: (line) => say(`  ${line}`),
    }),
    ...sessionIds.map((sessionId) => keepPrompting(client, sessionId, new Seeded(random.next() * 2 ** 32), over)),
  ]);
  const accepted = new Set(loads.flat());
  say(`harmed ${harms} times, ${accepted.size} prompts accepted; healing`);

  const healed = await becomesQuiet(ledger);
  checked.abort();
  await watching;
  const commands = await ledger.patiently(() => ledger.commands(), healMs);
  const facts = await Promise.all(sessionIds.map((sessionId) => factsOf(ledger, watch, sessionId)));
  const afterwards = await Promise.all(sessionIds.map((sessionId) => answersAgain(client, sessionId)));
  await ledger.close();

  const exitCode = await plane.stop();
  const left = processesOf(root).map(({ pid, command }) => `process ${pid} is left: ${command}`);
  const checks: Array<[what: string, violations: string[]]> = [
    [
      "work was done in spite of it",
      accepted.size > 0 && harms > 0 ? [] : ["nothing was accepted or nothing was harmed: this run proves nothing"],
    ],
    ["the plane heals by itself", healed],
    ["every accepted command ends exactly once", acceptedButUnfinished(accepted, commands, facts)],
    ["every session's events are gapless and unique", brokenSequences(facts)],
    ["no stale owner writes", staleWrites(facts)],
    ["nothing is written after a command's end", writesAfterTheEnd(facts)],
    ["work has at most one live lease", [...new Set(watch.doubleLeases)]],
    ["every session answers again", afterwards.flat()],
    ["Ctrl-C stops it in good order", exitCode === 0 ? [] : [`exit ${exitCode}: ${plane.output.slice(-2_000)}`]],
    ["no process is left", left],
  ];
  for (const [what, violations] of checks) {
    say(`${violations.length === 0 ? "✓" : "✗"} ${what}`);
    for (const violation of violations.slice(0, 20)) say(`    ${violation}`);
  }
  const broken = checks.filter(([, violations]) => violations.length > 0).length;
  say(`${checks.length - broken} passed, ${broken} failed`);
  return broken;
}

/** Every command in a final state, within a deadline. */
async function becomesQuiet(ledger: Ledger): Promise<string[]> {
  const giveUpAt = systemClock.monotonicMs() + healMs;
  let open: string[];
  do {
    const commands = await ledger.patiently(() => ledger.commands(), healMs);
    open = commands
      .filter(({ status }) => status === "waiting" || status === "working")
      .map((command) => `command ${command.command_id} is still ${command.status}`);
    if (open.length === 0) return [];
    await systemClock.sleep(250);
  } while (systemClock.monotonicMs() < giveUpAt);
  return open;
}

/** No harm may poison a session for ever: what is asked after the healing succeeds, in each of them. */
async function answersAgain(client: PlaneClient, sessionId: string): Promise<string[]> {
  try {
    const { commandSeq } = await client.prompt(sessionId, "[script:text] are you well?");
    const outcome = await client.outcome(sessionId, commandSeq, answerMs);
    return outcome === "succeeded" ? [] : [`session ${sessionId}: command ${commandSeq} ${outcome}`];
  } catch (error) {
    return [`session ${sessionId}: ${(error as Error).message}`];
  }
}

async function factsOf(ledger: Ledger, watch: Watch, sessionId: string): Promise<SessionFacts> {
  const events = await ledger.patiently(() => ledger.events(sessionId), healMs);
  const lanes = await ledger.patiently(() => ledger.lanes(), healMs);
  const newest = (lanes.find((lane) => lane.session_id === sessionId)?.next_seq ?? 1) - 1;
  return { sessionId, events, seen: watch.seen(sessionId), newest };
}
