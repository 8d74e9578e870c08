import { describe, expect, it } from "vitest";
import { SessionBell } from "./session-bell.ts";

describe("the bell", () => {
  it("wakes exactly the streams of the sessions that changed", () => {
    const bell = new SessionBell();
    const [one, two, both] = [bell.arm(["one"]), bell.arm(["two"]), bell.arm(["one", "two"])];
    bell.ring("two,three");
    expect([one, two, both].map((alarm) => alarm.rung.aborted)).toEqual([false, true, true]);
  });

  it("wakes everyone when notifications may have been missed", () => {
    const bell = new SessionBell();
    const alarms = [bell.arm(["one"]), bell.arm(["two"])];
    bell.ring("");
    expect(alarms.every((alarm) => alarm.rung.aborted)).toBe(true);
  });

  it("forgets who no longer waits", () => {
    const bell = new SessionBell();
    const alarm = bell.arm(["one"]);
    alarm.disarm();
    bell.ring("one");
    expect(alarm.rung.aborted).toBe(false);
  });
});
