import { spawn } from "node:child_process";
import { chmod, chown, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { behindGate, letGo } from "../limits/gate.ts";
import { listenForChild } from "./handed-socket.ts";
import { inside, ports } from "./layout.ts";
import { outerSandbox } from "./outer-sandbox.ts";
import { createOwners } from "./owners.ts";
import { openRunFolder, removeRunFolders } from "./run-folder.ts";
import type { Sandbox } from "./sandbox.ts";
import { sessionMounts } from "./session-mounts.ts";
import { writeSharedFolder, type ProgramFiles } from "./shared-folder.ts";
import { systemMounts } from "./system-mounts.ts";

const isRoot = process.getuid?.() === 0;
/** Where `mounts.sh` puts things: a folder that every machine has, and that the program gets an own one of. */
const from = "/tmp";

export async function openBubblewrap(options: {
  workerRoot: string;
  bubblewrap: string;
  firstUid: number;
  files: ProgramFiles;
}): Promise<Sandbox> {
  const { workerRoot, bubblewrap } = options;
  const system = systemMounts();
  const shared = await writeSharedFolder({ ...options, system });
  await removeRunFolders(join(workerRoot, "sessions"));
  const owners = createOwners(options.firstUid);
  const outer = outerSandbox({ bubblewrap, system, from });

  /** Each becomes the next one, so that no process of a privileged uid stays behind, and `child` is bwrap itself. */
  const stages = (mounts: string, uid: number | null): string[] =>
    [
      ["/usr/bin/unshare", "--mount", "--propagation", "private"],
      uid === null ? ["--user", "--map-root-user"] : [],
      ["/bin/sh", join(shared, "mounts.sh"), mounts],
      uid === null
        ? []
        : ["/usr/bin/setpriv", "--reuid", String(uid), "--regid", String(uid), "--clear-groups", ...powerless],
      outer,
    ].flat();

  return {
    kind: "bubblewrap",
    seen: () => ({
      root: "/session",
      home: inside.home,
      config: inside.config,
      state: inside.state,
      workspace: inside.workspace,
    }),

    async start({ folders, program, prepare, command, openModelDoor }) {
      const uid = isRoot ? await owners.take(folders) : null;
      const undo: Array<() => Promise<void> | void> = [() => (uid === null ? undefined : owners.giveBack(uid))];
      const release = async () => {
        for (const step of undo.splice(0).toReversed()) await step();
      };
      try {
        await chmod(folders.root, 0o711);
        const run = await openRunFolder(folders.root);
        undo.push(run.close);
        const modelSocket = run.pathOf("model.sock");
        const door = await openModelDoor(modelSocket);
        undo.push(door.close);
        if (uid !== null) await chown(modelSocket, uid, uid);
        const mounts = join(folders.root, "run", "fstab");
        const node = process.execPath;
        await writeFile(mounts, sessionMounts({ folder: shared, session: folders.root, node, program, at: from }));
        const socketPath = run.pathOf("program.sock");
        const socket = await listenForChild(socketPath);

        const { args, env } = command({ port: ports.program, modelPort: ports.model });
        const modelPort = String(ports.model);
        const way = [...stages(mounts, uid), inside.launch, prepare, String(ports.program), modelPort];
        const gated = behindGate([...way, ...args]);
        const child = spawn(gated[0]!, gated.slice(1), {
          cwd: "/",
          env,
          // A group of its own, so that it can be ended together with everything in it. Node starts it from its main
          // thread, which matters: bwrap ends when the thread that started it does.
          detached: true,
          stdio: ["pipe", "pipe", "pipe", socket.fd, "pipe"],
        });
        child.once("error", () => {});
        // Held, and never written to: see launch.sh.
        const lifeline = child.stdio[4] as Socket;
        lifeline.on("error", () => {}).resume();
        // Nothing is waited for from here on: what a child says before somebody listens is lost when it ends at once.
        socket.handOver();
        return { child, socketPath, letGo: () => letGo(child), release };
      } catch (error) {
        await release();
        throw error;
      }
    },
  };
}

const powerless = ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"];
