import { setGlobalErrorHandler } from "@opentelemetry/core";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { within } from "@open-cowork/contracts/clock";
import { newId } from "@open-cowork/contracts/ids";
import type { Role } from "@open-cowork/contracts/metrics";
import { createInstruments, type Instruments } from "./instruments.ts";
import { createLogger, type LogDestination, type Logger } from "./logger.ts";
import { otlpMetrics, otlpSpans } from "./otlp.ts";
import { watchProcess } from "./process-gauges.ts";
import { createTracing, type ActiveSpan, type Tracing } from "./tracing.ts";

export type { ActiveSpan, Logger };

export interface Telemetry extends Instruments, Pick<Tracing, "span"> {
  log: Logger;
  /** Prometheus text. */
  metricsText(): Promise<string>;
  /** Flushes what a collector still has to get, but never waits long for it. */
  close(): Promise<void>;
}

const closeMs = 3_000;

export function setUpTelemetry(options: {
  role: Role;
  version: string;
  logLevel: string;
  otlpUrl: string | undefined;
  /** Instead of stdout. */
  logTo?: LogDestination;
}): Telemetry {
  const { role, version, otlpUrl } = options;
  const resource = resourceFromAttributes({
    "service.name": `cowork-${role}`,
    "service.version": version,
    "service.instance.id": newId(),
  });
  const tracing = createTracing(resource, otlpUrl ? [otlpSpans(otlpUrl)] : []);
  const { log, flush } = createLogger({
    role,
    level: options.logLevel,
    activeSpan: tracing.active,
    ...(options.logTo && { destination: options.logTo }),
  });
  setGlobalErrorHandler((error) => log.warn({ err: error }, "telemetry could not be exported"));

  const scraped = new ScrapedReader();
  const meters = new MeterProvider({ resource, readers: otlpUrl ? [scraped, otlpMetrics(otlpUrl)] : [scraped] });
  const instruments = createInstruments(meters.getMeter("cowork"), role);
  const stopWatching = watchProcess(instruments);
  const serializer = new PrometheusSerializer("", false, undefined, false, true);

  return {
    ...instruments,
    log,
    span: tracing.span,
    metricsText: async () => {
      const { resourceMetrics, errors } = await scraped.collect();
      for (const error of errors) log.warn({ err: error }, "a gauge could not be read");
      return serializer.serialize(resourceMetrics);
    },
    close: async () => {
      stopWatching();
      const flushed = Promise.allSettled([tracing.close(), meters.shutdown()]);
      await within(closeMs, "the telemetry collector", flushed).catch((error: unknown) => log.warn({ err: error }));
      flush();
    },
  };
}

/** Collects when asked and at no other time. */
class ScrapedReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}
