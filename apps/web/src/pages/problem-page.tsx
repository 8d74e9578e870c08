import type { Reason } from "@open-cowork/contracts/refusals";
import type { Detail } from "../door/visit.ts";

export interface ProblemProps {
  reason: Reason;
  message: string;
  details: Detail[];
  requestId: string;
  status: number;
}

export function ProblemPage({ reason, message, details, requestId, status }: ProblemProps) {
  return (
    <main id="main" class="narrow">
      <div class="panel">
        <p class="eyebrow">
          {status} · {reason}
        </p>
        <h1>{reason === "not_found" ? "Not here" : "That did not work"}</h1>
        <p>{message}</p>
        {details.length > 0 ? (
          <ul>
            {details.map((detail) => (
              <li key={detail.path}>
                {detail.path ? <strong>{detail.path}: </strong> : null}
                {detail.message}
              </li>
            ))}
          </ul>
        ) : null}
        <p>
          <a class="button" href="/">
            To your sessions
          </a>
        </p>
        <p class="note">
          Request <code>{requestId}</code>
        </p>
      </div>
    </main>
  );
}
