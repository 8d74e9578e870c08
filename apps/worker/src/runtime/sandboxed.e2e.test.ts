import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newId } from "@open-cowork/contracts/ids";
import { eventually } from "@open-cowork/testkit/eventually";
import { needs } from "@open-cowork/testkit/needs";
import { call, say, type ModelScript } from "@open-cowork/testkit/scripted-model/script";
import { ask, createAgentWorld, type AgentWorld } from "../testing/agent-world.ts";
import { processesWith } from "../testing/processes.ts";
import { permissionsIn } from "./permissions.ts";

const bubblewrap = needs("bubblewrap");
const bash = (command: string, more: Record<string, unknown> = {}) =>
  call("bash", { command, description: "a command", ...more });
/** A word that only these tests' processes have in their command line. */
const word = `3${Math.floor(Math.random() * 1e8)}`;

/**
 * What an agent does that wants to answer its own permission prompts: it takes the engine's password out of an
 * environment, finds the engine's port, and asks what is pending.
 */
const selfApproval = `
pw=$(for f in /proc/[0-9]*/environ; do tr '\\0' '\\n' <$f; done 2>/dev/null | sed -n 's/^OPENCODE_SERVER_PASSWORD=//p' | head -1)
echo "password: \${pw:+known}"
sockets=$(ls -l /proc/$PPID/fd 2>/dev/null | sed -n 's/.*socket:.\\([0-9]*\\).*/\\1/p')
ports=$(for s in $sockets; do awk -v s="$s" '$4 == "0A" && $10 == s { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp; done)
for p in $(for hex in $ports; do echo $((16#$hex)); done) 4096 4097; do
  { exec 3<>/dev/tcp/127.0.0.1/$p; } 2>/dev/null || continue
  printf 'GET /permission HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Basic %s\\r\\nConnection: close\\r\\n\\r\\n' "$(printf 'opencode:%s' "$pw" | base64 -w0)" >&3
  echo "engine: $(head -1 <&3)"
  break
done
echo "the attack is over"`;

const scripts: Record<string, ModelScript> = {
  approve: [bash(selfApproval), say("I tried.")],
  links: [
    bash(
      "ln -s /proc/self/environ env; ln -s /session/state/opencode.db db; ln -s /session session; echo mine > own.txt",
    ),
    call("read", { filePath: "env" }),
    call("read", { filePath: "session/state/turn.json" }),
    call("write", { filePath: "db", content: "forged" }),
    call("write", { filePath: "session/home/forged.txt", content: "forged" }),
    call("edit", { filePath: "db", oldString: "SQLite", newString: "forged" }),
    call("read", { filePath: "own.txt" }),
    say("I tried."),
  ],
  git: [
    bash(`git config core.fsmonitor "sh -c 'env > /workspace/seen; ls /session/state >> /workspace/seen; true'"`),
    call("write", { filePath: "a.txt", content: "a" }),
    bash("cat seen"),
    say("I tried."),
  ],
  places: [
    bash("mkdir -p deep/er && cd deep && pwd && cd er && pwd; exit 3"),
    bash("pwd", { workdir: "/workspace/deep" }),
    bash("sleep 6; echo patient"),
    say("Done."),
  ],
  endless: [bash(`setsid sleep ${word} & sleep ${word}`), say("Never said.")],
};

let world: AgentWorld;
let unconfined: AgentWorld;
beforeAll(async () => {
  if (!bubblewrap.have) return;
  world = await createAgentWorld(scripts, "bubblewrap");
  unconfined = await createAgentWorld(scripts, "none");
});
beforeEach((context) => {
  if (!bubblewrap.have) context.skip(bubblewrap.reason);
});
afterAll(async () => {
  await world?.close();
  await unconfined?.close();
});

/** What the tools answered to the model, as the provider got it. */
const toolResults = (of: AgentWorld) =>
  of.model.requests
    .at(-1)!
    .messages.filter(({ role }) => role === "tool")
    .map(({ content }) => (typeof content === "string" ? content : JSON.stringify(content)));

describe("an agent that wants to answer its own permission prompts", () => {
  it("finds neither the engine's password nor its port", async () => {
    const { runtime } = await world.start();
    expect((await ask(runtime, "[script:approve]")).end).toEqual({ kind: "completed" });
    expect(toolResults(world)).toEqual([expect.stringMatching(/^password: \nthe attack is over\n/)]);
    await runtime.end();
  });

  it("would find both without a sandbox, which is why its shell is denied there", async () => {
    const { runtime } = await unconfined.start({ permissions: { ...permissionsIn("none"), bash: "allow" } });
    expect((await ask(runtime, "[script:approve]")).end).toEqual({ kind: "completed" });
    expect(toolResults(unconfined).join("")).toMatch(/password: known\nengine: HTTP\/1.1 200 OK/);
    await runtime.end();
  });
});

describe("an agent that makes links out of its workspace", () => {
  it("is not led to the engine's environment or state by the engine's own file tools", async () => {
    const { runtime, workspace } = await world.start();
    expect((await ask(runtime, "[script:links]")).end).toEqual({ kind: "completed" });
    const results = toolResults(world);
    expect(results.join("\n")).not.toContain("OPENCODE_SERVER_PASSWORD");
    expect(results.at(-1)).toContain("mine");
    const state = join(workspace, "..", "state", "opencode.db");
    expect((await readFile(state)).subarray(0, 15).toString()).toBe("SQLite format 3");
    await expect(stat(join(workspace, "..", "home", "forged.txt"))).rejects.toThrow("ENOENT");
    await runtime.end();
  });
});

describe("an agent that configures git in its workspace", () => {
  it("gets its commands run where there is nothing of the engine's", async () => {
    const { runtime } = await world.start();
    expect((await ask(runtime, "[script:git]")).end).toEqual({ kind: "completed" });
    const seen = toolResults(world).at(-1)!;
    expect(seen).toMatch(/PATH=|No such file/);
    expect(seen).not.toMatch(/OPENCODE|opencode\.db|PLANE/);
    await runtime.end();
  });
});

describe("a command of an agent", () => {
  it("runs below the workspace where it is told to, for as long as it takes, and tells its exit code", async () => {
    const { runtime } = await world.start();
    const { end, events } = await ask(runtime, "[script:places]");
    expect(end).toEqual({ kind: "completed" });
    const [first, second, third] = toolResults(world);
    expect(first).toContain("/workspace/deep\n/workspace/deep/er\n");
    expect(second).toMatch(/^\/workspace\/deep\n/);
    expect(third).toMatch(/^patient\n/);
    expect(JSON.stringify(events)).toContain(`"exit":3`);
    await runtime.end();
  });

  it("is ended with all that it has started when its turn is stopped", async () => {
    const { runtime } = await world.start();
    const stop = new AbortController();
    const turn = ask(runtime, "[script:endless]", { stop: stop.signal });
    await eventually("both run", async () => (await processesWith(`sleep\0${word}`)).length === 2, {
      withinMs: 40_000,
    });
    stop.abort();
    expect((await turn).end).toEqual({ kind: "aborted" });
    await eventually("none runs", async () => (await processesWith(`sleep\0${word}`)).length === 0);
    expect(runtime.exited.aborted).toBe(false);
    await runtime.end();
  });
});

describe("a session that was begun without a sandbox", () => {
  it("goes on in one, with what was said", async () => {
    const sessionId = newId<"session">();
    const first = await unconfined.start({ sessionId });
    await ask(first.runtime, "[script:text] remember me");
    await first.runtime.end();
    const second = await world.start({
      root: unconfined.root,
      sessionId,
      runtimeSessionId: first.runtime.runtimeSessionId,
    });
    expect(second.runtime.runtimeSessionId).toBe(first.runtime.runtimeSessionId);
    expect((await ask(second.runtime, "[script:text] again")).end).toEqual({ kind: "completed" });
    expect(JSON.stringify(world.model.requests.at(-1)!.messages)).toContain("remember me");
    await second.runtime.end();
  });
});
