import type { Reason } from "@open-cowork/contracts/refusals";

export interface ProblemProps {
  reason: Reason;
  message: string;
  requestId: string;
  status: number;
}

export function ProblemPage({ reason, message, requestId, status }: ProblemProps) {
  return (
    <main id="main" class="narrow">
      <div class="panel">
        <p class="eyebrow">
          {status} · {reason}
        </p>
        <h1>{reason === "not_found" ? "Not here" : "That did not work"}</h1>
        <p>{message}</p>
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
