import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { WorkerId } from "@open-cowork/contracts/ids";
import { createToken, hashToken } from "@open-cowork/secrets/token";
import { openDatabase } from "@open-cowork/store/database/open";
import { createSignInLink } from "@open-cowork/store/identity/create-sign-in-link";
import { ensureFirstOwner } from "@open-cowork/store/identity/ensure-first-owner";
import { createOwner } from "@open-cowork/store/migrate/create-owner";
import type { RolePasswords } from "@open-cowork/store/migrate/roles";
import { setUpDatabase, withOwner } from "@open-cowork/store/migrate/set-up-database";
import { ensureWorker } from "@open-cowork/store/workers/ensure-worker";
import { startEmbeddedPostgres } from "@open-cowork/testkit/postgres/embedded";
import { explainExternal, explainEmbedded } from "./database-problem.ts";
import { KeptFile } from "./kept-file.ts";
import type { Running } from "./part-process.ts";
import { choosePort } from "./ports.ts";
import type { Progress } from "./progress.ts";

const externalAnswersMs = 10_000;
const signInMinutes = 60;

export interface PlaneDatabase {
  urls: RolePasswords;
  worker: { id: WorkerId; credential: string };
  signInToken: string;
}

/** A password the roles can't reuse elsewhere. All but the superuser's are new at each start, so none of them is kept. */
const newPassword = () => randomBytes(24).toString("base64url");

/** The database of the plane, ready to serve: a Postgres of our own, or the one of DATABASE_URL. */
export async function openPlaneDatabase(options: {
  root: string;
  databaseUrl: string | undefined;
  progress: Progress;
  keep: (launch: () => Promise<Running>) => Promise<Running>;
  onSpawn: (pid: number) => void;
  onExit: (pid: number) => void;
}): Promise<PlaneDatabase> {
  const { databaseUrl, progress } = options;
  if (databaseUrl) return openExternal(databaseUrl, progress);
  try {
    const superuserUrl = await startOwn(options);
    return await progress.step("database: roles and schema", async () =>
      seed(await createOwner(superuserUrl, { database: "open_cowork", password: newPassword() }), progress),
    );
  } catch (error) {
    throw explainEmbedded(error, options.root);
  }
}

async function openExternal(url: string, progress: Progress): Promise<PlaneDatabase> {
  try {
    return await progress.step("database of DATABASE_URL: roles and schema", async () => {
      await mustAnswer(url);
      return seed(url, progress);
    });
  } catch (error) {
    throw explainExternal(error, url);
  }
}

/** Migrations have long deadlines; whether anybody is there at all is known sooner. */
async function mustAnswer(url: string): Promise<void> {
  const database = openDatabase({
    url,
    applicationName: "cowork-start",
    deadlineMs: externalAnswersMs,
    connections: 1,
    transactionPooler: false,
  });
  try {
    await database.probe();
  } finally {
    await database.close();
  }
}

async function startOwn(options: Parameters<typeof openPlaneDatabase>[0]): Promise<string> {
  const { root, progress, keep, onSpawn, onExit } = options;
  const secrets = new KeptFile<{ postgresPassword: string }>(join(root, "secrets.json"), { postgresPassword: "" });
  if (!secrets.value.postgresPassword) secrets.merge({ postgresPassword: newPassword() });
  const state = new KeptFile<{ postgresPort?: number }>(join(root, "state.json"), {});
  const port = await choosePort(state.value.postgresPort);
  state.merge({ postgresPort: port });

  let superuserUrl = "";
  await progress.step(`PostgreSQL on port ${port}`, () =>
    keep(async () => {
      const postgres = await startEmbeddedPostgres({
        dataDir: join(root, "postgres"),
        port,
        password: secrets.value.postgresPassword,
        durable: true,
        log: (line) => progress.note(line),
        onSpawn,
      });
      superuserUrl = postgres.url;
      const exited = postgres.exited.then(() => {
        onExit(postgres.pid);
        return { code: null, words: "it went away" };
      });
      return { pid: postgres.pid, exited, stop: () => postgres.stop() };
    }),
  );
  return superuserUrl;
}

async function seed(ownerUrl: string, progress: Progress): Promise<PlaneDatabase> {
  const { urls, warnings } = await setUpDatabase(ownerUrl, {
    web: newPassword(),
    scheduler: newPassword(),
    worker: newPassword(),
  });
  for (const warning of warnings) progress.note(warning);
  return withOwner(ownerUrl, async ({ db }) => {
    const owner = await ensureFirstOwner(db, {
      email: "owner@localhost",
      displayName: "Owner",
      orgName: "My organisation",
    });
    const credential = createToken("worker");
    const id = await ensureWorker(db, {
      poolId: owner.poolId,
      name: "local",
      credentialHash: hashToken(credential),
      validDays: 3_650,
    });
    const signInToken = createToken("signin");
    await createSignInLink(db, {
      orgId: owner.orgId,
      userId: owner.userId,
      linkHash: hashToken(signInToken),
      validMinutes: signInMinutes,
    });
    return { urls, worker: { id, credential }, signInToken };
  });
}
