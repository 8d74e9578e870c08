import { lifecycles, workerLifecycle, type WorkerStatus, type WorkStatus } from "@open-cowork/contracts/lifecycles";
import { terminal, type Fact } from "./state.ts";

interface Held {
  attempt: number;
  worker: number;
  expiresAt: number;
  ended: boolean;
  batch: number;
  commit: number;
}

/**
 * What must be true of what happened, in the order of its commits. It folds the facts by itself: whether a lease lives,
 * and until when, it knows from claims, renewals and endings alone.
 */
export function historyProblems(history: readonly Fact[], audit: readonly string[], workers: number): string[] {
  const problems: string[] = [];
  const held = new Map<number, Held>();
  const tokens = new Set<string>();
  const seqs = new Map<number, number>();
  const status = new Map<number, WorkStatus>();
  const states: WorkerStatus[] = Array.from({ length: workers }, () => "active");
  const evidence = new Set<string>();

  for (const fact of history) {
    const lease = "work" in fact ? held.get(fact.work) : undefined;
    const name = "attempt" in fact ? `attempt ${fact.work}#${fact.attempt}` : "";
    const isCurrent = lease !== undefined && "attempt" in fact && lease.attempt === fact.attempt && !lease.ended;
    switch (fact.is) {
      case "claimed":
        if (lease && !lease.ended) problems.push(`${name} was claimed while attempt ${lease.attempt} held it`);
        if (fact.attempt !== (lease?.attempt ?? 0) + 1) problems.push(`${name} follows attempt ${lease?.attempt ?? 0}`);
        if (tokens.has(fact.token)) problems.push(`${name} got a token that was used before`);
        if (!workerLifecycle[states[fact.worker]!].claims)
          problems.push(`${name} was claimed by a worker that is ${states[fact.worker]}`);
        tokens.add(fact.token);
        held.set(fact.work, { ...fact, ended: false, batch: 0, commit: 0 });
        break;
      case "renewed":
        if (!isCurrent) problems.push(`${name} was renewed and holds nothing`);
        else if (fact.at >= lease.expiresAt) problems.push(`${name} was renewed after it had expired`);
        else if (!workerLifecycle[states[lease.worker]!].renews)
          problems.push(`${name} was renewed by a worker that is ${states[lease.worker]}`);
        if (lease) lease.expiresAt = fact.expiresAt;
        break;
      case "wrote":
        if (!isCurrent) problems.push(`${name} wrote and holds nothing`);
        else if (fact.at >= lease.expiresAt) problems.push(`${name} wrote after it had expired`);
        if (lease && fact.batch !== null && fact.commit !== lease.commit) {
          // Empty batches leave no rows, so numbers may be skipped, but never come twice.
          if (fact.batch <= lease.batch) problems.push(`${name} wrote batch ${fact.batch} again`);
          Object.assign(lease, { batch: fact.batch, commit: fact.commit });
        }
        allocate(fact.lane, fact.seq);
        break;
      case "stated":
        allocate(fact.lane, fact.seq);
        break;
      case "ended":
        if (!isCurrent) problems.push(`${name} ended and held nothing`);
        else if (fact.outcome === "lost" && fact.at < lease.expiresAt && states[lease.worker] !== "revoked")
          problems.push(`${name} was taken back before it had expired`);
        else if (fact.outcome !== "lost" && fact.at >= lease.expiresAt)
          problems.push(`${name} finished after it had expired`);
        if (lease) lease.ended = true;
        break;
      case "moved": {
        const from = status.get(fact.work) ?? null;
        if (from !== fact.from) problems.push(`work ${fact.work} moved from ${fact.from} and was ${from}`);
        if (from !== null && !(lifecycles.work[from].next as readonly WorkStatus[]).includes(fact.to))
          problems.push(`work ${fact.work} moved from ${from} to ${fact.to}`);
        status.set(fact.work, fact.to);
        break;
      }
      case "worker":
        if (!(workerLifecycle[states[fact.worker]!].next as readonly WorkerStatus[]).includes(fact.to))
          problems.push(`worker ${fact.worker} moved from ${states[fact.worker]} to ${fact.to}`);
        states[fact.worker] = fact.to;
        break;
      case "refused":
        evidence.add(`stale_owner_write_rejected ${fact.work}#${fact.attempt} ${fact.writeClass}`);
        break;
    }
  }

  const left = audit.filter((line) => line.startsWith("stale_owner_write_rejected"));
  for (const line of evidence) if (!left.includes(line)) problems.push(`no evidence: ${line}`);
  for (const line of new Set(left)) if (!evidence.has(line)) problems.push(`evidence of nothing: ${line}`);
  for (const line of left.filter((other, n) => left.indexOf(other) !== n)) problems.push(`evidence twice: ${line}`);
  const claims = audit.filter((line) => line.startsWith("work_claimed")).length;
  if (claims !== tokens.size) problems.push(`${tokens.size} claims left ${claims} pieces of evidence`);
  return problems;

  function allocate(lane: number, seq: number): void {
    const before = seqs.get(lane) ?? 0;
    if (seq !== before + 1) problems.push(`lane ${lane}: seq ${seq} follows ${before}`);
    seqs.set(lane, seq);
  }
}

/** After everything healed, every command that was accepted has come to exactly one end. */
export function healedProblems(history: readonly Fact[]): string[] {
  const last = new Map<number, WorkStatus>();
  for (const fact of history) if (fact.is === "moved") last.set(fact.work, fact.to);
  return [...last].flatMap(([work, status]) =>
    terminal.includes(status) ? [] : [`work ${work} is ${status} although everything has healed`],
  );
}
