import { pino, type DestinationStream as LogDestination, type Logger } from "pino";
import type { Role } from "@open-cowork/contracts/metrics";
import { scrub } from "./redact.ts";

export type { LogDestination, Logger };

/**
 * JSON lines on stdout. Redaction is done on the finished line and not by pino's paths: a path must name every level,
 * misses what a child logger was bound to, and never looks into a message or a stack.
 */
export function createLogger(options: {
  role: Role;
  level: string;
  activeSpan: () => { traceId: string; spanId: string } | undefined;
  destination?: LogDestination;
}): { log: Logger; flush: () => void } {
  // Not sync: a reader of our stdout that stalls must not stop a worker from renewing its leases. What it does not
  // take beyond 4 MiB is dropped. pino flushes the rest when the process exits.
  const out = options.destination ?? pino.destination({ fd: 1, sync: false, maxLength: 4 * 1024 * 1024 });
  const flush = () => {
    if ("flushSync" in out && typeof out.flushSync === "function") out.flushSync();
  };
  const scrubbed = { write: (line: string) => out.write(scrubLine(line)), flushSync: flush };
  const log = pino(
    {
      level: options.level,
      base: { service: `cowork-${options.role}`, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
      mixin: () => {
        const span = options.activeSpan();
        return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
      },
    },
    scrubbed,
  );
  return { log, flush };
}

function scrubLine(line: string): string {
  return `${JSON.stringify(scrub(JSON.parse(line)))}\n`;
}
