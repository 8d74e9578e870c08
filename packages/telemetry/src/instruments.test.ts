import { describe, expect, it } from "vitest";
import { metrics, type LabelsOf, type MetricName, type Role } from "@open-cowork/contracts/metrics";
import { setUpTelemetry } from "./set-up.ts";
import { parsePrometheus } from "./testing/parse-prometheus.ts";

const roles: Role[] = ["web", "scheduler", "worker"];
/** The two that set-up itself reads. */
const own = new Set<MetricName>(["cowork_process_resident_bytes", "cowork_event_loop_lag_seconds"]);

function setUp(role: Role) {
  return setUpTelemetry({ role, version: "1.2.3", logLevel: "error", otlpUrl: undefined });
}

function catalogOf(role: Role) {
  return Object.entries(metrics)
    .filter(([, row]) => (row.roles as readonly Role[]).includes(role))
    .map(([name, row]) => {
      const labels = Object.fromEntries(row.labels.map((label) => [label, `a "${label}"`])) as LabelsOf<MetricName>;
      return { name: name as MetricName, row, labels };
    });
}

describe.each(roles)("the metrics of %s", (role) => {
  it("hold every instrument of the catalog after use, with its type, help and labels", async () => {
    const telemetry = setUp(role);
    for (const { name, row, labels } of catalogOf(role)) {
      if (row.kind === "counter") telemetry.count(name, labels, 2);
      else if (row.kind === "histogram") telemetry.observe(name, 0.3, labels);
      else if (!own.has(name)) telemetry.gauge(name, () => [{ value: 7, labels }]);
    }

    const families = parsePrometheus(await telemetry.metricsText());
    for (const { name, row, labels } of catalogOf(role)) {
      const family = families.get(name);
      expect(family, name).toMatchObject({ type: row.kind, help: row.help });
      for (const sample of family!.samples) {
        const { le: _le, ...rest } = sample.labels;
        expect(rest, name).toEqual(labels);
      }
      if (row.kind === "counter") expect(family!.samples.map((sample) => sample.value)).toEqual([2]);
      if (row.kind === "histogram") {
        const bounds = family!.samples
          .filter((sample) => sample.name.endsWith("_bucket"))
          .map((sample) => sample.labels["le"]);
        expect(bounds).toEqual([...row.buckets.map(String), "+Inf"]);
      }
    }
    const known = new Set<string>(["target_info", ...catalogOf(role).map(({ name }) => name)]);
    expect([...families.keys()].filter((name) => !known.has(name))).toEqual([]);
    await telemetry.close();
  });

  it("start with the process's own memory and event loop lag, and counters without labels at zero", async () => {
    const telemetry = setUp(role);
    const families = parsePrometheus(await telemetry.metricsText());
    expect(families.get("cowork_process_resident_bytes")!.samples[0]!.value).toBeGreaterThan(1_000_000);
    expect(families.get("cowork_event_loop_lag_seconds")!.samples[0]!.value).toBeGreaterThanOrEqual(0);
    for (const { name, row } of catalogOf(role)) {
      if (row.kind === "counter" && row.labels.length === 0)
        expect(families.get(name)!.samples[0]!.value, name).toBe(0);
    }
    await telemetry.close();
  });
});

describe("an instrument", () => {
  it("of another role or kind can't be used", async () => {
    const telemetry = setUp("web");
    expect(() => telemetry.count("cowork_leases_recovered_total", { decision: "retry" })).toThrow(
      /no counter of the role web/,
    );
    expect(() => telemetry.count("cowork_streams_open", {})).toThrow(/no counter/);
    await telemetry.close();
  });

  it("can't be given a label outside of the catalog, by its type", async () => {
    const telemetry = setUp("web");
    // @ts-expect-error an id is no label
    telemetry.count("cowork_refusals_total", { reason: "not_found", session: "0198" });
    // @ts-expect-error every label must be given
    telemetry.count("cowork_refusals_total", {});
    // @ts-expect-error not in the catalog
    expect(() => telemetry.count("cowork_made_up_total", {})).toThrow();
    await telemetry.close();
  });

  it("has one reader only", async () => {
    const telemetry = setUp("web");
    telemetry.gauge("cowork_streams_open", () => [{ value: 1, labels: {} }]);
    expect(() => telemetry.gauge("cowork_streams_open", () => [])).toThrow(/read twice/);
    await telemetry.close();
  });

  it("whose reader throws is missing, and the others are still there", async () => {
    const telemetry = setUp("web");
    telemetry.log.level = "silent";
    telemetry.gauge("cowork_streams_open", () => {
      throw new Error("the reader broke");
    });
    const families = parsePrometheus(await telemetry.metricsText());
    expect(families.has("cowork_process_resident_bytes")).toBe(true);
    await telemetry.close();
  });
});
