import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { endCgroup } from "../limits/end-cgroup.ts";
import { endProcessGroup } from "./process-group.ts";
import { groupMembers, machineBootId, processStartTime } from "./process-identity.ts";

/**
 * Which OpenCode processes this worker has started, on disk, so that the next worker process can end what a killed one
 * left behind. It ends only what it can prove to be the recorded process; a doubt means hands off.
 */
const runtimeRecord = z.object({
  pid: z.number().int().positive(),
  pgid: z.number().int().positive(),
  processStartTime: z.string(),
  bootId: z.string(),
  sessionId: z.string(),
  workerBootId: z.string(),
  /** An earlier version wrote none. */
  cgroups: z.array(z.string()).default([]),
});
export type RuntimeRecord = z.infer<typeof runtimeRecord>;

export interface RuntimeRegistry {
  /** `cgroups`: the folders of the control groups that it will be in. */
  add(sessionId: string, pid: number, cgroups?: readonly string[]): Promise<void>;
  remove(sessionId: string): Promise<void>;
  /** The same process under another session's name. */
  rename(from: string, to: string): Promise<void>;
  /** Ends the predecessor's runtimes that are provably its own; returns the sessions whose runtime was ended. */
  endOrphans(): Promise<string[]>;
}

export function openRegistry(workerRoot: string, workerBootId: string): RuntimeRegistry {
  const folder = join(workerRoot, "runtimes");
  const fileOf = (sessionId: string) => join(folder, `${sessionId}.json`);
  const write = async (record: RuntimeRecord) => {
    const temporary = `${fileOf(record.sessionId)}.new`;
    await writeFile(temporary, JSON.stringify(record), { mode: 0o600 });
    await rename(temporary, fileOf(record.sessionId));
  };

  return {
    async add(sessionId, pid, cgroups = []) {
      const startTime = await processStartTime(pid);
      const bootId = await machineBootId();
      // Already gone, or on a machine that can't prove identity: there is nothing that could be ended safely later.
      if (startTime === null || bootId === null) return;
      const record: RuntimeRecord = {
        pid,
        pgid: pid,
        processStartTime: startTime,
        bootId,
        sessionId,
        workerBootId,
        cgroups: [...cgroups],
      };
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await write(record);
    },

    async rename(from, to) {
      const record = await readRecord(fileOf(from));
      if (!record) return;
      // The new one first: two records of one process do no harm, and none would leave it to nobody.
      await write({ ...record, sessionId: to });
      await rm(fileOf(from), { force: true });
    },

    remove: (sessionId) => rm(fileOf(sessionId), { force: true }),

    async endOrphans() {
      const names = await readdir(folder).catch(() => [] as string[]);
      const ended: string[] = [];
      for (const name of names.filter((each) => each.endsWith(".json"))) {
        const record = await readRecord(join(folder, name));
        if (record && ((await isSameProcess(record)) || (await isLeaderless(record, workerRoot)))) {
          await endProcessGroup(record.pgid);
          ended.push(record.sessionId);
        }
        // Also when its first process is gone: the group is ours by its name, and holds nothing that we did not start.
        if (record?.bootId === (await machineBootId())) await endCgroup(record.cgroups);
        await rm(join(folder, name), { force: true });
      }
      return ended;
    },
  };
}

async function isSameProcess(record: RuntimeRecord): Promise<boolean> {
  if ((await machineBootId()) !== record.bootId) return false;
  if ((await processStartTime(record.pid)) !== record.processStartTime) return false;
  return (await groupMembers(record.pgid)).includes(record.pid);
}

/**
 * The recorded process has died and left others in its group, whose number stays taken for as long. It might have been
 * given away in between, so each of them must also carry one of our sessions in its environment.
 */
async function isLeaderless(record: RuntimeRecord, workerRoot: string): Promise<boolean> {
  if ((await machineBootId()) !== record.bootId || (await processStartTime(record.pid)) !== null) return false;
  const members = await groupMembers(record.pgid);
  const ours = `${join(workerRoot, "sessions")}/`;
  const environments = members.map((pid) => readFile(`/proc/${pid}/environ`, "utf8").catch(() => ""));
  return members.length > 0 && (await Promise.all(environments)).every((text) => text.includes(ours));
}

/** A torn or foreign file is not evidence of anything. */
async function readRecord(path: string): Promise<RuntimeRecord | null> {
  try {
    return runtimeRecord.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return null;
  }
}
