import { describe, expect, it } from "vitest";
import { isFitAfter, outcomeOf } from "./attempt-outcome.ts";

describe("what the plane is told about a turn", () => {
  it("is success whenever it was completed, even if somebody had just asked to stop it", () => {
    expect(outcomeOf({ kind: "completed" }, null)).toEqual({ kind: "succeeded" });
    expect(outcomeOf({ kind: "completed" }, "person")).toEqual({ kind: "succeeded" });
    expect(outcomeOf({ kind: "completed" }, "drain")).toEqual({ kind: "succeeded" });
  });

  it("names who stopped it", () => {
    expect(outcomeOf({ kind: "aborted" }, "person")).toEqual({ kind: "cancelled", reason: "stopped_by_person" });
    expect(outcomeOf({ kind: "aborted" }, "drain")).toEqual({ kind: "released", reason: "worker_draining" });
    expect(outcomeOf({ kind: "aborted" }, null)).toEqual({ kind: "failed", reason: "runtime_error" });
  });

  it("keeps the reason of a failure, and ends an engine that failed itself", () => {
    const end = { kind: "failed", reason: "runtime_silent", message: "" } as const;
    expect(outcomeOf(end, null)).toEqual({ kind: "failed", reason: "runtime_silent" });
    expect(isFitAfter(end)).toBe(false);
    expect(isFitAfter({ ...end, reason: "provider_error" })).toBe(true);
    expect(isFitAfter({ kind: "completed" })).toBe(true);
  });
});
