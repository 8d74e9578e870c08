import { ROOT_CONTEXT, SpanStatusCode, trace, type Span } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { parseTraceParent } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import { TracerProvider, type SpanProcessor } from "@opentelemetry/sdk-trace";
import { hideSecretShapes } from "@open-cowork/contracts/secret-shapes";

type Value = string | number | boolean;

export interface ActiveSpan {
  /** W3C, to be written into a row or a header so that whoever reads it can join this trace. */
  traceparent: string;
  set(name: string, value: Value): void;
  fail(reason: string): void;
}

export interface Tracing {
  span<T>(
    name: string,
    options: { parent?: string | null; attributes?: Record<string, Value> },
    fn: (span: ActiveSpan) => Promise<T>,
  ): Promise<T>;
  active(): { traceId: string; spanId: string } | undefined;
  close(): Promise<void>;
}

/** Holds its own context manager: nothing here is global, so two of these (tests) don't see each other's spans. */
export function createTracing(resource: Resource, spanProcessors: SpanProcessor[]): Tracing {
  const contexts = new AsyncLocalStorageContextManager().enable();
  const provider = new TracerProvider({
    resource,
    spanProcessors,
    spanLimits: { attributeValueLengthLimit: 2_048, attributeCountLimit: 64, eventCountLimit: 64 },
  });
  const tracer = provider.getTracer("cowork");

  return {
    span: async (name, { parent, attributes = {} }, fn) => {
      const remote = parent ? parseTraceParent(parent) : null;
      // A parent that is not a traceparent (a client may send anything) starts a new trace instead of failing the work.
      const above = parent ? ROOT_CONTEXT : contexts.active();
      const context = remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : above;
      const span = tracer.startSpan(name, {}, context);
      for (const [key, value] of Object.entries(attributes)) setSafely(span, key, value);
      try {
        return await contexts.with(trace.setSpan(context, span), () => fn(activeSpan(span)));
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : "thrown" });
        throw error;
      } finally {
        span.end();
      }
    },
    active: () => trace.getSpan(contexts.active())?.spanContext(),
    close: () => provider.shutdown(),
  };
}

function activeSpan(span: Span): ActiveSpan {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
    set: (name, value) => setSafely(span, name, value),
    fail: (reason) => void span.setStatus({ code: SpanStatusCode.ERROR, message: hideSecretShapes(reason) }),
  };
}

function setSafely(span: Span, name: string, value: Value): void {
  span.setAttribute(name, typeof value === "string" ? hideSecretShapes(value) : value);
}
