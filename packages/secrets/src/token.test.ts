import { describe, expect, it } from "vitest";
import { hideSecretShapes, tokenPrefixes, type TokenKind } from "@open-cowork/contracts/secret-shapes";
import { createToken, hashToken } from "./token.ts";

const kinds = Object.keys(tokenPrefixes) as TokenKind[];

describe("a token", () => {
  it.each(kinds)("of kind %s says its kind, holds 256 random bits and is never the same", (kind) => {
    const token = createToken(kind);
    expect(token.startsWith(tokenPrefixes[kind])).toBe(true);
    expect(Buffer.from(token.slice(tokenPrefixes[kind].length), "base64url")).toHaveLength(32);
    expect(createToken(kind)).not.toBe(token);
  });

  it.each(kinds)("of kind %s is known by its shape wherever it is printed", (kind) => {
    const token = createToken(kind);
    expect(hideSecretShapes(`a:${token},b_${token}`)).toBe("a:[secret],b_[secret]");
  });

  it("has its own prefix for each kind", () => {
    expect(new Set(Object.values(tokenPrefixes)).size).toBe(kinds.length);
  });
});

describe("the hash of a token", () => {
  it("is lowercase hex sha256 of its UTF-8 text", () => {
    const raw = "cws_grüße";
    const independent = "e1f2d4b078848539dcad9727b8d4e16fb018ac5f8aa12c62eac2ded22a15c057";
    expect(hashToken(raw)).toBe(independent);
    expect(hashToken("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});
