import { describe, expect, it } from "vitest";
import { describeConnection, retryDelayMs } from "./connection.ts";

describe("the connection as a page shows it", () => {
  it("is live, then reconnecting, then lost for as long as it has been", () => {
    expect(describeConnection({ kind: "live" }, 0)).toEqual({ kind: "live", text: "live" });
    const broken = { kind: "broken", sinceMs: 1_000 } as const;
    expect(describeConnection(broken, 5_000).kind).toBe("reconnecting");
    expect(describeConnection(broken, 91_000)).toEqual({ kind: "lost", text: "connection lost for 1 min 30 s" });
  });

  it("says when it ended for good, and why", () => {
    expect(describeConnection({ kind: "ended", reason: "signed_out" }, 0)).toEqual({
      kind: "lost",
      text: "signed out",
    });
  });

  it("is tried again soon at first, and never less often than every eight seconds", () => {
    expect([0, 1, 2, 10].map(retryDelayMs)).toEqual([500, 1_000, 2_000, 8_000]);
  });
});
