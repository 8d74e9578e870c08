import { describe, expect, it } from "vitest";
import { tokenPrefixes } from "@open-cowork/contracts/secret-shapes";
import { createLogger } from "./logger.ts";

function recorded() {
  let text = "";
  const destination = { write: (line: string) => void (text += line) };
  const { log } = createLogger({ role: "web", level: "debug", activeSpan: () => undefined, destination });
  return {
    log,
    text: () => text,
    lines: () =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

const tokens = Object.values(tokenPrefixes).map((prefix) => `${prefix}${"Zx9-_".repeat(9)}`);

describe("a log line", () => {
  it("is JSON with level, time, service and message", () => {
    const { log, lines } = recorded();
    log.info({ sessionId: "s1" }, "claimed");
    expect(lines()[0]).toMatchObject({ level: "info", service: "cowork-web", sessionId: "s1", msg: "claimed" });
    expect(new Date(String(lines()[0]!["time"])).getTime()).toBeGreaterThan(0);
  });

  it.each([
    "token",
    "accessToken",
    "authorization",
    "Authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "password",
    "PGPASSWORD",
    "passwd",
    "workerCredential",
    "secret",
    "client_secret",
    "apiKey",
    "api_key",
    "x-api-key",
    "privateKey",
  ])("never holds what stands under %s, at any depth", (key) => {
    const { log, text } = recorded();
    const planted = "planted-4711";
    log.info({ [key]: planted });
    log.info({ request: { headers: [{ deep: { [key]: { inner: [planted] } } }] } });
    log
      .child({ [key]: planted })
      .child({ more: { [key]: planted } })
      .warn("bound");
    expect(text()).not.toContain(planted);
    expect(text().match(/\[secret\]/g)).toHaveLength(4);
  });

  it("keeps numbers that only count tokens", () => {
    const { log, lines } = recorded();
    log.info({ inputTokens: 12, tokens: { input: 3 } });
    expect(lines()[0]).toMatchObject({ inputTokens: 12 });
  });

  it.each([
    ...tokens.map((token) => [token, token]),
    ["postgres://cowork:hunter2@127.0.0.1:5432/x", "hunter2"],
    ["postgresql://cowork:hun/ter@2@127.0.0.1/x", "hun/ter@2"],
    ["https://user:hunter2@example.test/path", "hunter2"],
    ["Authorization: Bearer abcdefghijklmnop1234", "abcdefghijklmnop1234"],
    ["sk-abcdefghijklmnop1234", "sk-abcdefghijklmnop1234"],
  ])("hides %s in messages, values, keys, errors, causes and stacks", (text, secret) => {
    const { log, text: written, lines } = recorded();
    const cause = new Error(`below: ${text}`);
    log.info(`said ${text} aloud`);
    log.info("said %s aloud", text);
    log.info({ note: `said ${text} aloud`, [text]: true });
    log.error({ err: new Error(`broke on ${text}`, { cause }) }, `broke on ${text}`);
    log.error(new Error(`broke on ${text}`));
    log.error({ error: Object.assign(new Error("x"), { query: { text } }) });
    expect(written()).not.toContain(secret);
    expect(written()).toContain("[secret]");
    expect(lines()).toHaveLength(6);
    expect(lines()[3]).toMatchObject({ err: { type: "Error" } });
    expect(lines()[5]).toMatchObject({ error: { type: "Error" } });
  });

  it("keeps host and user of a URL, which help to find the mistake", () => {
    const { log, text } = recorded();
    log.info("postgres://cowork:hunter2@db.test:5432/x");
    expect(text()).toContain("postgres://cowork:[secret]@db.test:5432/x");
  });

  it("is bounded, whatever is thrown at it", () => {
    const { log, text } = recorded();
    const deep: Record<string, unknown> = {};
    let at = deep;
    for (let level = 0; level < 100; level += 1) at = at["down"] = {} as Record<string, unknown>;
    log.info({ payload: "x".repeat(1_000_000), deep });
    expect(text().length).toBeLessThan(10_000);
  });
});
