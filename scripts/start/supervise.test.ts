import { describe, expect, it } from "vitest";
import { eventually } from "@open-cowork/testkit/eventually";
import type { Exit, Running } from "./part-process.ts";
import { supervise } from "./supervise.ts";

/** A part whose end the test decides. */
function part(pid: number): Running & { end(words: string): void } {
  let end!: (exit: Exit) => void;
  const exited = new Promise<Exit>((resolve) => (end = resolve));
  return { pid, exited, end: (words) => end({ code: 1, words }), stop: async () => end({ code: 0, words: "stopped" }) };
}

describe("a supervised part", () => {
  it("is started again when it crashes, and says so in one line", async () => {
    const stopping = new AbortController();
    const lines: string[] = [];
    const [first, second] = [part(1), part(2)];
    const kept = supervise({
      name: "web",
      first,
      launch: async () => second,
      logFile: "/logs/web.log",
      stopping: stopping.signal,
      say: (line) => lines.push(line),
    });
    first.end("SIGKILL");
    await eventually("the second one", () => kept.running.pid === 2);
    expect(lines).toEqual(["web ended (SIGKILL), starting it again in 1.0 s"]);
    stopping.abort();
    await kept.stop(0);
  });

  it("is not started again once everything stops", async () => {
    const stopping = new AbortController();
    const first = part(1);
    let launches = 0;
    const launch = async () => part((launches += 1));
    const kept = supervise({ name: "web", first, launch, logFile: "", stopping: stopping.signal, say: () => {} });
    first.end("exit 1");
    stopping.abort();
    await kept.stop(0);
    expect(launches).toBe(0);
  });

  it("that was being started while everything stopped is stopped too", async () => {
    const stopping = new AbortController();
    const [first, late] = [part(1), part(2)];
    let give!: (running: Running) => void;
    let asked = false;
    const launch = () => {
      asked = true;
      return new Promise<Running>((resolve) => (give = resolve));
    };
    const kept = supervise({ name: "postgres", first, launch, logFile: "", stopping: stopping.signal, say: () => {} });
    first.end("it went away");
    await eventually("the launch", () => asked);
    stopping.abort();
    const stopped = kept.stop(0);
    give(late);
    await stopped;
    expect((await late.exited).words).toBe("stopped");
  });
});
