import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface CollectedSpan {
  service: string;
  name: string;
  traceId: string;
  startMs: number;
  endMs: number;
  attributes: Record<string, string | number>;
}

interface Attribute {
  key: string;
  value: { stringValue?: string; doubleValue?: number; intValue?: number | string };
}

interface ExportedSpans {
  resourceSpans: Array<{
    resource: { attributes: Attribute[] };
    scopeSpans: Array<{
      spans: Array<{
        name: string;
        traceId: string;
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes: Attribute[];
      }>;
    }>;
  }>;
}

/** An OpenTelemetry collector as far as a test needs one: takes OTLP over HTTP in JSON and remembers the spans. */
export async function startTraceCollector(): Promise<{ url: string; spans: CollectedSpan[]; close(): Promise<void> }> {
  const spans: CollectedSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.url === "/v1/traces") spans.push(...spansOf(Buffer.concat(chunks).toString()));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function spansOf(body: string): CollectedSpan[] {
  return (JSON.parse(body) as ExportedSpans).resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
    return scopeSpans.flatMap((scope) =>
      scope.spans.map(({ name, traceId, startTimeUnixNano, endTimeUnixNano, attributes }) => ({
        service,
        name,
        traceId,
        startMs: Number(startTimeUnixNano) / 1e6,
        endMs: Number(endTimeUnixNano) / 1e6,
        attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)])),
      })),
    );
  });
}

function valueOf({ stringValue, doubleValue, intValue }: Attribute["value"]): string | number {
  return stringValue ?? doubleValue ?? Number(intValue);
}
