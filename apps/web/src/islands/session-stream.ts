import { jittered, systemClock, within } from "@open-cowork/contracts/clock";
import type { StreamFrames, Topic } from "@open-cowork/contracts/stream";
import { foldEvent, type Transcript } from "@open-cowork/contracts/transcript";
import { signal } from "@preact/signals";
import { retryDelayMs, silentMs, type Connection } from "./connection.ts";

/** Follows one session for as long as the page lives: snapshot, changes, and a new stream whenever one dies. */
export class SessionStream {
  readonly transcript = signal<Transcript | null>(null);
  readonly connection = signal<Connection>({ kind: "broken", sinceMs: systemClock.monotonicMs() });
  readonly #topic: Topic;
  #source: EventSource | null = null;
  #cursor = "";
  #heardAtMs = 0;
  #failures = 0;
  #retry = new AbortController();

  constructor(sessionId: string) {
    this.#topic = `session:${sessionId}`;
    addEventListener("online", () => this.retryNow());
    void this.#watchForSilence();
    this.#connect();
  }

  retryNow(): void {
    this.#retry.abort();
  }

  #connect(): void {
    const query = new URLSearchParams({ topics: this.#topic, ...(this.#cursor ? { cursor: this.#cursor } : {}) });
    const source = new EventSource(`/api/stream?${query}`);
    this.#source = source;
    this.#heardAtMs = systemClock.monotonicMs();
    this.#on(source, "snapshot", ({ transcript }) => (this.transcript.value = transcript));
    this.#on(
      source,
      "changes",
      ({ events }) => (this.transcript.value = events.reduce(foldEvent, this.transcript.value!)),
    );
    this.#on(source, "beat", () => {});
    this.#on(source, "refused", ({ reason }) => this.#end(reason === "not_signed_in" ? "signed_out" : "gone"));
    // The browser would retry by itself, but not after an HTTP error, and it never notices silence: one way is ours.
    source.addEventListener("error", () => void this.#reconnect());
  }

  #on<N extends keyof StreamFrames>(source: EventSource, name: N, apply: (data: StreamFrames[N]) => void): void {
    source.addEventListener(name, (event: MessageEvent<string>) => {
      if (this.#source !== source) return;
      this.#heardAtMs = systemClock.monotonicMs();
      this.#failures = 0;
      if (this.connection.value.kind !== "live") this.connection.value = { kind: "live" };
      if (event.lastEventId) this.#cursor = event.lastEventId;
      apply(JSON.parse(event.data) as StreamFrames[N]);
    });
  }

  async #reconnect(): Promise<void> {
    this.#close();
    if (this.connection.value.kind === "ended") return;
    if (this.connection.value.kind === "live") this.connection.value = { kind: "broken", sinceMs: this.#heardAtMs };
    this.#retry = new AbortController();
    await systemClock.sleep(jittered(retryDelayMs(this.#failures++)), this.#retry.signal).catch(() => {});
    if (await isSignedOut()) this.#end("signed_out");
    else this.#connect();
  }

  #end(reason: "signed_out" | "gone"): void {
    this.connection.value = { kind: "ended", reason };
    this.#close();
  }

  #close(): void {
    this.#source?.close();
    this.#source = null;
  }

  async #watchForSilence(): Promise<void> {
    for (;;) {
      await systemClock.sleep(1_000);
      const silent = systemClock.monotonicMs() - this.#heardAtMs;
      if (this.#source && silent > silentMs) void this.#reconnect();
    }
  }
}

const answerMs = 5_000;

/**
 * An EventSource can't tell 401 from a broken network; this asks the same door in a way that can. No answer in time is
 * no answer: a request that went out on a network that is gone would otherwise keep the page from trying the new one.
 */
async function isSignedOut(): Promise<boolean> {
  const answer = await within(answerMs, "the plane", fetch("/api/sessions?limit=1")).catch(() => null);
  return answer?.status === 401;
}
