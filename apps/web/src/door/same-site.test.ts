import { describe, expect, it } from "vitest";
import { publicAddressOf } from "./public-address.ts";
import { isOurHost, isSameSite } from "./same-site.ts";

const answer = publicAddressOf({ host: "127.0.0.1", port: 4810, publicUrl: "https://cowork.example.org" });
if (!answer.ok) throw new Error(answer.problem);
const { address } = answer;
const host = "cowork.example.org";

describe("the Host header", () => {
  it.each(["cowork.example.org", "COWORK.example.org", "127.0.0.1:4810", "localhost:4810"])("may be %s", (name) => {
    expect(isOurHost(address, name)).toBe(true);
  });

  it.each(["evil.example", "127.0.0.1", "127.0.0.1:80", "cowork.example.org.evil.example", undefined])(
    "may not be %s",
    (name) => {
      expect(isOurHost(address, name)).toBe(false);
    },
  );
});

describe("a write", () => {
  it("is taken from our own pages, as the browser says", () => {
    expect(isSameSite(address, { site: "same-origin", host })).toBe(true);
  });

  it.each(["cross-site", "same-site", "none", ""])(
    "is refused when the browser says %s, whatever the Origin",
    (site) => {
      expect(isSameSite(address, { site, origin: address.origin, host })).toBe(false);
    },
  );

  it("needs the exact Origin where the browser says nothing", () => {
    expect(isSameSite(address, { origin: "https://cowork.example.org", host })).toBe(true);
    expect(isSameSite(address, { origin: "http://127.0.0.1:4810", host: "127.0.0.1:4810" })).toBe(true);
    expect(isSameSite(address, { origin: "http://cowork.example.org", host })).toBe(false);
    expect(isSameSite(address, { origin: "http://localhost:4810", host: "127.0.0.1:4810" })).toBe(false);
    expect(isSameSite(address, { origin: "null", host })).toBe(false);
    expect(isSameSite(address, { host })).toBe(false);
  });
});
