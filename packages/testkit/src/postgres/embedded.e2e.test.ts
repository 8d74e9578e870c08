import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { freePort } from "../free-port.ts";
import { startEmbeddedPostgres } from "./embedded.ts";
import { findPostmaster } from "./postmaster.ts";

it("a PostgreSQL that hears no signal any more is ended all the same, and starts again", async () => {
  const home = await mkdtemp(join(tmpdir(), "frozen-postgres-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const options = { dataDir: join(home, "data"), port: await freePort(), password: "frozen", durable: false };
  const frozen = await startEmbeddedPostgres(options);
  process.kill(frozen.pid, "SIGSTOP");
  await frozen.stop();
  expect(await findPostmaster(frozen.dataDir)).toBeNull();
  const again = await startEmbeddedPostgres(options);
  await again.stop();
});
