import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { systemClock } from "@open-cowork/contracts/clock";

const run = promisify(execFile);
const pullDeadlineMs = 300_000;
const readyDeadlineMs = 60_000;

/** A throw-away PostgreSQL from an image; the docker command line is all it needs. */
export async function startPostgresContainer(image: string): Promise<{ adminUrl: string; release(): Promise<void> }> {
  const password = randomBytes(16).toString("base64url");
  const docker = async (command: string) => {
    // The password is named, not given: argv is public on the machine, the environment is not.
    const env = { ...process.env, POSTGRES_PASSWORD: password };
    const { stdout } = await run("docker", command.split(" "), { env, timeout: pullDeadlineMs }).catch(
      (cause: unknown) => {
        const said = (cause as { stderr?: string }).stderr?.trim().split("\n")[0] || String(cause);
        throw new Error(`TEST_CONTAINERS is set, but docker failed: ${said}`, { cause });
      },
    );
    return stdout.trim();
  };

  const container = await docker(
    `run --rm --detach --env POSTGRES_PASSWORD --publish 127.0.0.1::5432 ${image} -c fsync=off -c max_connections=200`,
  );
  const release = async () => {
    await docker(`rm --force --volumes ${container}`);
  };
  try {
    const giveUpAt = systemClock.monotonicMs() + readyDeadlineMs;
    // Over TCP on purpose: while the image initialises itself, its server answers on the socket only.
    const isReady = () =>
      docker(`exec ${container} pg_isready -q -h 127.0.0.1`).then(
        () => true,
        () => false,
      );
    while (!(await isReady())) {
      if (systemClock.monotonicMs() > giveUpAt) throw new Error(`${image} was not ready within ${readyDeadlineMs} ms`);
      await systemClock.sleep(200);
    }
    const address = await docker(`port ${container} 5432/tcp`);
    return { adminUrl: `postgres://postgres:${password}@${address.split("\n")[0]}/postgres`, release };
  } catch (failure) {
    await release();
    throw failure;
  }
}
