import type { Counter, Histogram, Meter, ObservableGauge } from "@opentelemetry/api";
import { metrics, type LabelsOf, type MetricName, type Role } from "@open-cowork/contracts/metrics";

type Reading<M extends MetricName> = () => Iterable<{ value: number; labels: LabelsOf<M> }>;

export interface Instruments {
  count<M extends MetricName>(name: M, labels: LabelsOf<M>, by?: number): void;
  observe<M extends MetricName>(name: M, value: number, labels: LabelsOf<M>): void;
  gauge<M extends MetricName>(name: M, read: Reading<M>): void;
}

/**
 * Makes every instrument that the catalog gives to this role, and no other. Asking for one of another role or kind is
 * a bug and throws, because what is emitted there would be in no dashboard.
 */
export function createInstruments(meter: Meter, role: Role): Instruments {
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const gauges = new Map<string, ObservableGauge>();
  for (const [name, row] of Object.entries(metrics)) {
    if (!(row.roles as readonly Role[]).includes(role)) continue;
    const options = { description: row.help, unit: row.unit };
    if (row.kind === "counter") {
      const counter = meter.createCounter(name, options);
      counters.set(name, counter);
      // A counter without labels starts at zero, so that its first increment is a change a dashboard can see.
      if (row.labels.length === 0) counter.add(0);
    } else if (row.kind === "histogram") {
      histograms.set(
        name,
        meter.createHistogram(name, { ...options, advice: { explicitBucketBoundaries: [...row.buckets] } }),
      );
    } else gauges.set(name, meter.createObservableGauge(name, options));
  }
  const find = <T>(instruments: Map<string, T>, name: string, kind: string): T => {
    const instrument = instruments.get(name);
    if (!instrument) throw new Error(`${name} is no ${kind} of the role ${role} in contracts/metrics.ts`);
    return instrument;
  };
  const read = new Set<string>();

  return {
    count: (name, labels, by = 1) => find(counters, name, "counter").add(by, labels),
    observe: (name, value, labels) => find(histograms, name, "histogram").record(value, labels),
    gauge: (name, reading) => {
      const gauge = find(gauges, name, "gauge");
      if (read.has(name)) throw new Error(`${name} is read twice: one would hide the other`);
      read.add(name);
      gauge.addCallback((result) => {
        for (const { value, labels } of reading()) result.observe(value, labels);
      });
    },
  };
}
