import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../eventually.ts";
import { call, error, hang, type ModelScript, rateLimited, say, think, truncate } from "./script.ts";
import { type ScriptedModel, startScriptedModel } from "./server.ts";

const quick = { chunk: 4, delayMs: 0 };
const scripts: Record<string, ModelScript> = {
  demo: [say("the friendly one", quick)],
  short: [say("hello there 👋🏽", quick)],
  thinking: [think("hm", quick), say("so", quick)],
  flow: [
    say("first ", quick),
    call("write", { filePath: "a b.txt", content: "“x”\n" }),
    call("read", { filePath: "a b.txt" }),
    say((seen) => `read: ${seen.toolResults.at(-1)}`, quick),
  ],
  limited: [rateLimited(7), say("now", quick)],
  broken: [say("half", quick), error(500, { error: { message: "gone" } })],
  failing: [error(503, { error: { message: "overloaded" } })],
  cut: [say("never fin", quick), truncate()],
  silent: [say("wait", quick), hang()],
  key: [say((seen) => seen.authorization, quick)],
};

let model: ScriptedModel | undefined;
afterEach(() => model?.close());

interface Chunk {
  choices: Array<{
    delta: { content?: string; reasoning_content?: string; tool_calls?: ToolCall[] };
    finish_reason: string | null;
  }>;
  usage?: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
  error?: { message: string };
}
interface ToolCall {
  index: number;
  id?: string;
  function: { name?: string; arguments: string };
}
const user = (content: unknown) => ({ role: "user", content });
const called = { role: "assistant", content: "", tool_calls: [{}] };
const result = (content: string) => ({ role: "tool", content });

async function post(
  messages: object[],
  more: { stream?: boolean; headers?: Record<string, string>; signal?: AbortSignal } = {},
) {
  model ??= await startScriptedModel({ scripts });
  return fetch(`${model.baseUrl}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...more.headers },
    body: JSON.stringify({ model: "demo", stream: more.stream ?? true, messages }),
    signal: more.signal ?? null,
  });
}

async function streamed(messages: object[]) {
  const response = await post(messages);
  const frames = (await response.text())
    .split("\n\n")
    .filter(Boolean)
    .map((frame) => frame.replace(/^data: /, ""));
  const chunks = frames.filter((frame) => frame !== "[DONE]").map((frame) => JSON.parse(frame) as Chunk);
  const deltas = chunks.flatMap((chunk) => chunk.choices?.map((choice) => choice.delta) ?? []);
  return {
    status: response.status,
    done: frames.at(-1) === "[DONE]",
    chunks,
    pieces: deltas.flatMap((delta) => (delta.content ? [delta.content] : [])),
    text: deltas.map((delta) => delta.content ?? "").join(""),
    reasoning: deltas.map((delta) => delta.reasoning_content ?? "").join(""),
    calls: deltas.flatMap((delta) => delta.tool_calls ?? []),
    finish: chunks.flatMap((chunk) => chunk.choices?.map((choice) => choice.finish_reason) ?? []).at(-1),
  };
}

afterEach(() => {
  model = undefined;
});

describe("the scripted model speaks the protocol", () => {
  it("streams words in chunks, then why it ended, then what it used", async () => {
    const answer = await streamed([user("[script:short] hi")]);
    expect(answer.text).toBe("hello there 👋🏽");
    expect(answer.pieces.length).toBeGreaterThan(2);
    expect(answer.finish).toBe("stop");
    expect(answer.done).toBe(true);
    const usage = answer.chunks.at(-1)?.usage;
    expect(usage?.completion_tokens).toBe(4);
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + 4);
  });

  it("never splits a character between two chunks", async () => {
    const { pieces } = await streamed([user("[script:short] hi")]);
    for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
  });

  it("answers in one piece when it is not asked to stream", async () => {
    const response = await post([user("[script:flow] hi")], { stream: false });
    expect(await response.json()).toMatchObject({
      object: "chat.completion",
      choices: [
        {
          message: {
            role: "assistant",
            content: "first ",
            tool_calls: [{ type: "function", function: { name: "write" } }],
          },
          finish_reason: "tool_calls",
        },
      ],
      usage: { completion_tokens: expect.any(Number) as number },
    });
  });

  it("thinks aloud in reasoning_content", async () => {
    expect(await streamed([user("[script:thinking] hi")])).toMatchObject({ reasoning: "hm", text: "so" });
  });

  it("lists its models", async () => {
    model = await startScriptedModel();
    const list = (await (await fetch(`${model.baseUrl}/models`)).json()) as { data: Array<{ id: string }> };
    expect(list.data.map((entry) => entry.id)).toEqual(["demo", "demo-small"]);
  });

  it("refuses what is not a chat-completions request, and says so", async () => {
    model = await startScriptedModel();
    const nonsense = await fetch(`${model.baseUrl}/chat/completions`, { method: "POST", body: "{" });
    expect(nonsense.status).toBe(400);
    expect((await fetch(`${model.baseUrl}/embeddings`, { method: "POST", body: "{}" })).status).toBe(404);
  });
});

describe("the scripted model picks a script", () => {
  it("by the word in the last user message, whatever came before", async () => {
    const messages = [
      user("[script:key] earlier"),
      { role: "assistant", content: "…" },
      user([{ type: "text", text: "[script:short]" }]),
    ];
    expect((await streamed(messages)).text).toBe("hello there 👋🏽");
  });

  it("and plays the friendly demo without such a word", async () => {
    expect((await streamed([user("hi")])).text).toBe("the friendly one");
  });

  it("and names those it has when it has not this one", async () => {
    const response = await post([user("[script:opera]")]);
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/no script \\"opera\\"; there are: demo, text, slow/);
  });

  it("but gives OpenCode a short title when that is what it asks for", async () => {
    const title = await streamed([
      { role: "system", content: "You are a title generator. You output ONLY a thread title." },
      user("Generate a title for this conversation:\n"),
      user("[script:hang] please paint the old garden door bright red today"),
    ]);
    expect(title).toMatchObject({ text: "please paint the old garden door", finish: "stop" });
  });
});

describe("the scripted model calls tools", () => {
  it("with a name first and arguments that must be joined, and ends its turn there", async () => {
    const { calls, text, finish } = await streamed([user("[script:flow]")]);
    expect(text).toBe("first ");
    expect(calls[0]).toMatchObject({ id: expect.stringMatching(/^call_/) as string, function: { name: "write" } });
    const args = calls.map((part) => part.function.arguments);
    expect(args.length).toBeGreaterThan(2);
    expect(JSON.parse(args.join(""))).toEqual({ filePath: "a b.txt", content: "“x”\n" });
    expect(finish).toBe("tool_calls");
  });

  it("goes on with the next step when results come back", async () => {
    const asked = [user("[script:flow]"), called, result("written")];
    expect((await streamed(asked)).calls[0]?.function.name).toBe("read");
    const last = await streamed([...asked, called, result("its content")]);
    expect(last).toMatchObject({ text: "read: its content", finish: "stop" });
  });

  it("starts from the beginning at the next prompt", async () => {
    const again = [user("[script:flow]"), called, result("written"), user("[script:flow]")];
    expect((await streamed(again)).calls[0]?.function.name).toBe("write");
  });
});

describe("the scripted model fails as providers do", () => {
  it("with a status before the first word", async () => {
    const response = await post([user("[script:failing]")]);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ error: { message: "overloaded" } });
  });

  it("with an error frame after it", async () => {
    const answer = await streamed([user("[script:broken]")]);
    expect(answer).toMatchObject({ status: 200, text: "half", done: false });
    expect(answer.chunks.at(-1)?.error?.message).toBe("gone");
  });

  it("with one 429 per request and session, that says when to come back", async () => {
    const ask = (session: string) => post([user("[script:limited]")], { headers: { "x-session-id": session } });
    const first = await ask("a");
    expect(first.status).toBe(429);
    expect(first.headers.get("retry-after")).toBe("7");
    expect((await ask("a")).status).toBe(200);
    expect((await ask("b")).status).toBe(429);
  });

  it("by cutting the stream in the middle", async () => {
    const response = await post([user("[script:cut]")]);
    await expect(response.text()).rejects.toThrow("terminated");
  });

  it("by saying nothing more, until the client leaves or the server closes", async () => {
    const leave = new AbortController();
    const left = await post([user("[script:silent]")], { signal: leave.signal });
    leave.abort(new Error("enough"));
    await expect(left.text()).rejects.toThrow("enough");

    const kept = await post([user("[script:silent]")]);
    const reading = kept.text();
    await model?.close();
    await expect(reading).rejects.toThrow("terminated");
  });
});

describe("the scripted model remembers", () => {
  it("which key it was given", async () => {
    const response = await post([user("[script:key]")], {
      stream: false,
      headers: { authorization: "Bearer lease-42" },
    });
    expect(await response.text()).toContain('"content":"Bearer lease-42"');
    expect(model?.requests).toMatchObject([
      { script: "key", turn: 0, authorization: "Bearer lease-42", model: "demo" },
    ]);
  });

  it("the newest hundred requests, and no more", async () => {
    for (let n = 0; n < 103; n += 1) await (await post([user(`hi ${n}`)])).text();
    await eventually("all requests to be recorded", () => model?.requests.length === 100);
    expect(model?.requests.at(0)?.messages).toEqual([user("hi 3")]);
    expect(model?.requests.at(-1)?.messages).toEqual([user("hi 102")]);
  });
});
