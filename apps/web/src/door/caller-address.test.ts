import { describe, expect, it } from "vitest";
import { callerAddress } from "./caller-address.ts";

const socket = "10.0.0.7";

describe("the address of a caller", () => {
  it("is that of its connection, whatever it claims, when there is no proxy of ours", () => {
    expect(callerAddress({ socket, forwardedFor: "203.0.113.9" }, 0)).toBe(socket);
    expect(callerAddress({ socket, forwardedFor: undefined }, 0)).toBe(socket);
  });

  it("is what our outermost proxy saw, whatever the caller had put in front", () => {
    expect(callerAddress({ socket, forwardedFor: "1.2.3.4, 203.0.113.9" }, 1)).toBe("203.0.113.9");
    expect(callerAddress({ socket, forwardedFor: "1.2.3.4, 2001:db8::9,10.0.0.3" }, 2)).toBe("2001:db8::9");
  });

  it.each([undefined, "", "203.0.113.9", "x".repeat(9_000), "1.2.3.4:80, evil"])(
    "is that of its connection when the header is not our proxies' own: %s",
    (forwardedFor) => {
      expect(callerAddress({ socket, forwardedFor }, 2)).toBe(socket);
    },
  );
});
