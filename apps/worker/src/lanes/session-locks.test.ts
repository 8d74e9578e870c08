import { describe, expect, it } from "vitest";
import { createSessionLocks } from "./session-locks.ts";

const patient = new AbortController().signal;

describe("the lock of a session", () => {
  it("is held by one at a time, in the order they came, and by nobody of another session", async () => {
    const locks = createSessionLocks();
    const order: string[] = [];
    await locks.lock("a", patient);
    const second = locks.lock("a", patient).then(() => order.push("second"));
    const third = locks.lock("a", patient).then(() => order.push("third"));
    await locks.lock("b", patient);
    expect(order).toEqual([]);
    locks.unlock("a");
    await second;
    expect(order).toEqual(["second"]);
    locks.unlock("a");
    await third;
    locks.unlock("a");
    await locks.lock("a", patient);
  });

  it("is not given to somebody who has stopped waiting", async () => {
    const locks = createSessionLocks();
    const leaving = new AbortController();
    await locks.lock("a", patient);
    const gone = locks.lock("a", leaving.signal);
    const next = locks.lock("a", patient);
    leaving.abort(new Error("lost"));
    await expect(gone).rejects.toThrow("lost");
    locks.unlock("a");
    await next;
  });
});
