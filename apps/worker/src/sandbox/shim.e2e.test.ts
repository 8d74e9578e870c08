import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "@open-cowork/testkit/eventually";
import { needs } from "@open-cowork/testkit/needs";
import { startShell, type ShellProgram } from "../testing/shell-program.ts";
import { chooseSandbox } from "./choose-sandbox.ts";
import type { Sandbox } from "./sandbox.ts";

const bubblewrap = needs("bubblewrap");
let root: string;
let sandbox: Sandbox;

beforeAll(async () => {
  if (!bubblewrap.have) return;
  // Deeper than the path of a unix socket may be long.
  root = join(await realpath(await mkdtemp(join(tmpdir(), "cowork-shim-"))), "x".repeat(120));
  const options = { wish: "bubblewrap", tier: "production", workerRoot: root, firstUid: 200_000 } as const;
  const chosen = await chooseSandbox({ ...options, files: { config: {}, toolMounts: {} } });
  if ("refused" in chosen) throw new Error(chosen.refused);
  ({ sandbox } = chosen);
});
beforeEach((context) => {
  if (!bubblewrap.have) context.skip(bubblewrap.reason);
});
afterAll(async () => {
  if (root) await rm(join(root, ".."), { recursive: true, force: true });
});

/** Runs a server, written in JavaScript, where the engine would be. */
async function withProgram(script: string, model: (socket: Socket) => void = () => {}): Promise<ShellProgram> {
  const server = createServer(model);
  const program = await startShell(sandbox, root, `/sandbox/node -e '${script}'`, {
    openModelDoor: async (path) => {
      await new Promise<void>((resolve) => server.listen(path!, resolve));
      return { port: null, close: () => new Promise<void>((resolve) => void server.close(() => resolve())) };
    },
  });
  onTestFinished(async () => {
    process.kill(-program.pid, "SIGKILL");
    await new Promise((resolve) => program.child.once("exit", resolve));
    await program.release();
  });
  return program;
}

/** Once the program listens and the shim leads to it. */
const opened = (program: ShellProgram) =>
  eventually(
    "the way in is open",
    () =>
      new Promise<Socket | null>((resolve) => {
        const socket = connect({ path: program.socketPath!, allowHalfOpen: true });
        socket.once("error", () => resolve(null)).once("close", () => resolve(null));
        socket.once("data", () => resolve(socket.removeAllListeners("error")));
      }),
    { withinMs: 20_000 },
  );
const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const echo = `require("net").createServer({ allowHalfOpen: true }, (s) => { s.write("!"); s.pipe(s); }).listen(4096, "127.0.0.1")`;

describe("the way into a sandbox, and out of it to the model", () => {
  it("carries 32 MB there and back unchanged, and each side's end to the other", async () => {
    const socket = await opened(await withProgram(echo));
    const sent = randomBytes(32 * 1024 * 1024);
    socket.end(sent);
    expect(digest(await buffer(socket))).toBe(digest(sent));
  });

  it("stops taking when nobody reads, so that a slow reader costs no memory", async () => {
    const endless = `require("net").createServer((s) => { s.write("!"); const b = Buffer.alloc(65536); let n = 0; const w = () => { while (s.write(b)) n++; }; s.on("drain", w); s.on("error", () => {}); w(); setInterval(() => console.log(n), 100); }).listen(4096, "127.0.0.1")`;
    const program = await withProgram(endless);
    const counts: number[] = [];
    program.child
      .stdout!.setEncoding("utf8")
      .on("data", (text: string) => counts.push(...text.trim().split("\n").map(Number)));
    const socket = await opened(program);
    socket.pause();
    await eventually("it has stopped", () => counts.length > 10 && counts.at(-1) === counts.at(-8), {
      withinMs: 20_000,
    });
    expect(counts.at(-1)! * 65_536).toBeLessThan(32 * 1024 * 1024);
    socket.destroy();
  });

  it("closes on the worker when the program breaks off, and on the program when the worker does", async () => {
    const breaking = `let gone = 0; require("net").createServer((s) => { s.write("!"); s.on("error", () => {}); s.on("data", (d) => String(d) === "break" && s.destroy()); s.on("close", () => console.log("gone " + ++gone)); }).listen(4096, "127.0.0.1")`;
    const program = await withProgram(breaking);
    let said = "";
    program.child.stdout!.setEncoding("utf8").on("data", (text: string) => (said += text));
    const first = await opened(program);
    const closed = new Promise((resolve) => first.once("close", resolve));
    first
      .resume()
      .on("error", () => {})
      .write("break");
    first.once("end", () => first.end());
    await closed;
    await eventually("the program has heard", () => said.includes("gone 1"));
    (await opened(program)).destroy();
    await eventually("the program has heard again", () => said.includes("gone 2"));
  });

  it("leads to this session's model, and to nothing else", async () => {
    const heard: string[] = [];
    const asking = `require("net").createServer((s) => { s.write("!"); s.once("data", () => { const m = require("net").connect(4097, "127.0.0.1"); m.end("what is next?"); m.pipe(s); }); }).listen(4096, "127.0.0.1")`;
    const program = await withProgram(asking, (socket) => {
      socket.on("data", (bytes) => heard.push(bytes.toString())).on("end", () => socket.end("rest"));
    });
    const socket = await opened(program);
    socket.write("ask");
    expect((await buffer(socket)).toString()).toBe("rest");
    expect(heard).toContain("what is next?");
    socket.end();
  });
});
