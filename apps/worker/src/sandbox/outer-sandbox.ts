import { agent, inside } from "./layout.ts";

/**
 * The outer sandbox: for the engine, which we trust to want no harm and not to withstand it. It sees its session and
 * nothing else of this machine, has a network of its own with nothing in it, and no capability. Only user namespaces
 * stay allowed, because the engine must be able to enter the inner sandbox.
 *
 * `from` is where `mounts.sh` has put things together; whoever runs this is an ordinary user there, so it is the same
 * command for a worker that was started as root.
 */
export function outerSandbox(options: { bubblewrap: string; system: string[]; from: string }): string[] {
  const { bubblewrap, system, from } = options;
  const session = `${from}/mounts/session`;
  return [
    [bubblewrap],
    ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"],
    ["--die-with-parent", "--uid", agent.uid, "--gid", agent.uid, "--hostname", agent.host, "--cap-drop", "ALL"],
    system,
    ["--ro-bind", `${from}/shared/etc`, "/etc"],
    ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"],
    ["--ro-bind", `${from}/shared`, inside.shared],
    ["--ro-bind", `${from}/mounts/node`, inside.node],
    ["--ro-bind", `${from}/mounts/program`, inside.program],
    ["--ro-bind", `${session}/run/model.sock`, inside.modelSocket],
    ["--bind", `${session}/home`, inside.home, "--bind", `${session}/state`, inside.state],
    ["--bind", `${from}/mounts/workspace`, inside.workspace],
    ["--bind", `${session}/workspace`, inside.toolWorkspace],
    ["--bind", `${session}/tools`, inside.toolFolders],
    ["--setenv", "PATH", inside.bin, "--setenv", "SHELL", inside.shell],
    ["--remount-ro", "/", "--chdir", inside.workspace],
    ["--"],
  ].flat();
}
