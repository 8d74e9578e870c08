import { describe, expect, it } from "vitest";
import { publicAddressOf } from "./public-address.ts";

describe("the public address", () => {
  it("is http on loopback by default, with a cookie that is not Secure and named by its port", () => {
    const answer = publicAddressOf({ host: "127.0.0.1", port: 4810 });
    expect(answer).toMatchObject({
      ok: true,
      address: { origin: "http://127.0.0.1:4810", secure: false, cookieName: "open_cowork_4810" },
    });
  });

  it("is Secure with a __Host- cookie when it is https", () => {
    const answer = publicAddressOf({ host: "0.0.0.0", port: 4810, publicUrl: "https://cowork.example.org" });
    expect(answer).toMatchObject({ ok: true, address: { secure: true, cookieName: "__Host-open_cowork" } });
  });

  it.each(["http://cowork.example.org", "http://192.168.1.7:4810"])(
    "refuses plain http anywhere else: %s",
    (publicUrl) => {
      const answer = publicAddressOf({ host: "127.0.0.1", port: 4810, publicUrl });
      expect(answer).toEqual({
        ok: false,
        problem: expect.stringContaining("set OPEN_COWORK_CLOUD_PUBLIC_URL to the https address"),
      });
    },
  );

  it.each(["https://example.org/cowork", "https://example.org/?a=b", "https://me:hush@example.org"])(
    "refuses more than an origin: %s",
    (publicUrl) => {
      const answer = publicAddressOf({ host: "127.0.0.1", port: 4810, publicUrl });
      expect(answer).toEqual({ ok: false, problem: expect.stringContaining("the origin alone") });
      expect(JSON.stringify(answer)).not.toContain("hush");
    },
  );

  it("may end with a slash", () => {
    const answer = publicAddressOf({ host: "127.0.0.1", port: 4810, publicUrl: "https://cowork.example.org/" });
    expect(answer).toMatchObject({ ok: true, address: { origin: "https://cowork.example.org" } });
  });

  it("refuses to listen everywhere without saying what the public https address is", () => {
    expect(publicAddressOf({ host: "0.0.0.0", port: 4810 }).ok).toBe(false);
  });
});
