import type { SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace";
import type { IMetricReader, PushMetricExporter } from "@opentelemetry/sdk-metrics";
import { PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { ExportResultCode } from "@opentelemetry/core";

/**
 * Bounds of what waits for a collector: when it is slow or gone, spans are dropped and the service does not notice.
 */
const exportMs = 5_000;
const inFlight = 4;

export function otlpSpans(baseUrl: string): SpanProcessor {
  return new BatchSpanProcessor({
    exporter: lazySpanExporter(signalUrl(baseUrl, "traces")),
    maxQueueSize: 2_048,
    maxExportBatchSize: 512,
    scheduledDelayMillis: 2_000,
    exportTimeoutMillis: exportMs,
  });
}

export function otlpMetrics(baseUrl: string): IMetricReader {
  return new PeriodicExportingMetricReader({
    exporter: lazyMetricExporter(signalUrl(baseUrl, "metrics")),
    exportIntervalMillis: 15_000,
    exportTimeoutMillis: exportMs,
  });
}

function signalUrl(baseUrl: string, signal: "traces" | "metrics"): string {
  return `${baseUrl.replace(/\/+$/, "")}/v1/${signal}`;
}

// The exporters with their protocol code cost some megabytes, so they are loaded by the first export: a service
// without a collector never pays for them, and set-up stays synchronous.

function lazySpanExporter(url: string): SpanExporter {
  const exporter = once(async () => {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
    return new OTLPTraceExporter({ url, timeoutMillis: exportMs, concurrencyLimit: inFlight });
  });
  return {
    export: (spans, done) =>
      void exporter().then(
        (real) => real.export(spans, done),
        (error: Error) => done({ code: ExportResultCode.FAILED, error }),
      ),
    shutdown: async () => (await exporter()).shutdown(),
  };
}

function lazyMetricExporter(url: string): PushMetricExporter {
  const exporter = once(async () => {
    const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-http");
    return new OTLPMetricExporter({ url, timeoutMillis: exportMs, concurrencyLimit: inFlight });
  });
  return {
    export: (metrics, done) =>
      void exporter().then(
        (real) => real.export(metrics, done),
        (error: Error) => done({ code: ExportResultCode.FAILED, error }),
      ),
    forceFlush: async () => (await exporter()).forceFlush(),
    shutdown: async () => (await exporter()).shutdown(),
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
