/** Where things are inside; the same for every session on every machine, so that a session can move. */
export const inside = {
  /** As the program sees it: no link is followed and nothing is executed. */
  workspace: "/workspace",
  /** The same files as the agent's commands get them, mounted where the program has no business. */
  toolWorkspace: "/sandbox/workspace",
  toolFolders: "/sandbox/tools",
  home: "/session/home",
  state: "/session/state",
  shared: "/sandbox",
  config: "/sandbox/config",
  bin: "/sandbox/bin",
  shell: "/sandbox/bin/bash",
  etc: "/sandbox/etc",
  modelSocket: "/sandbox/model.sock",
  program: "/sandbox/program",
  node: "/sandbox/node",
  launch: "/sandbox/launch.sh",
} as const;

/** Ports of a loopback that is the sandbox's own. */
export const ports = { program: 4096, model: 4097 } as const;

/** Who everything in a sandbox is, whatever uid it has outside. */
export const agent = { uid: "1000", name: "agent", home: "/home/agent", host: "cowork" } as const;

/** Beside what is copied from the host, the whole of its /etc. */
export const etc = {
  passwd: [
    "root:x:0:0:root:/root:/bin/sh",
    `${agent.name}:x:${agent.uid}:${agent.uid}::${agent.home}:/bin/bash`,
    "nobody:x:65534:65534::/nonexistent:/bin/false",
  ],
  group: ["root:x:0:", `${agent.name}:x:${agent.uid}:`, "nogroup:x:65534:"],
  hosts: [`127.0.0.1 localhost ${agent.host}`, "::1 localhost"],
  "nsswitch.conf": ["passwd: files", "group: files", "hosts: files"],
} as const;
