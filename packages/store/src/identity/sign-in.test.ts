import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type World } from "../testing/world.ts";
import { createSignInLink } from "./create-sign-in-link.ts";
import { endBrowserSession } from "./end-browser-session.ts";
import { ensureFirstOwner } from "./ensure-first-owner.ts";
import { resolveBrowserSession } from "./resolve-browser-session.ts";
import { useSignInLink } from "./use-sign-in-link.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.drop());

const newHash = () => createHash("sha256").update(randomBytes(32)).digest("hex");
const issue = async () => {
  const linkHash = newHash();
  await createSignInLink(world.owner.db, { ...world.actor, linkHash, validMinutes: 15 });
  return linkHash;
};
const use = (linkHash: string, browserTokenHash = newHash()) =>
  useSignInLink(world.as.web.db, { linkHash, browserTokenHash });

describe("a sign-in link", () => {
  it("signs one browser in, once, however many open it at the same moment", async () => {
    const linkHash = await issue();
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => use(linkHash)));
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1);
    expect(await use(linkHash)).toEqual({ ok: false, reason: "sign_in_link_invalid" });
  });

  it("is worth nothing after its time, nor when it was never issued", async () => {
    const linkHash = await issue();
    await world.advance(15 * 60_000 + 1);
    expect(await use(linkHash)).toEqual({ ok: false, reason: "sign_in_link_invalid" });
    expect(await use(newHash())).toEqual({ ok: false, reason: "sign_in_link_invalid" });
  });
});

describe("a browser session", () => {
  it("stands for its person until it is ended", async () => {
    const cookie = newHash();
    expect(await use(await issue(), cookie)).toMatchObject({ ok: true });
    expect(await resolveBrowserSession(world.as.web.db, cookie)).toMatchObject({
      ...world.actor,
      email: "ada@example.org",
      role: "owner",
    });
    await endBrowserSession(world.as.web.db, cookie);
    expect(await resolveBrowserSession(world.as.web.db, cookie)).toBeNull();
  });

  it("ends by itself after thirty days", async () => {
    const cookie = newHash();
    await use(await issue(), cookie);
    await world.advance(30 * 24 * 3_600_000 + 1);
    expect(await resolveBrowserSession(world.as.web.db, cookie)).toBeNull();
  });
});

describe("the first owner", () => {
  it("is made once, however often the plane starts", async () => {
    const person = { email: "ada@example.org", displayName: "Ada", orgName: "Example" };
    expect(await ensureFirstOwner(world.owner.db, person)).toMatchObject(world.actor);
  });
});
