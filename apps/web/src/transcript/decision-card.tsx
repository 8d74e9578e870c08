import type { DecisionView } from "@open-cowork/contracts/decisions";
import type { PermissionRequest } from "@open-cowork/contracts/events";
import { firstText } from "./first-text.ts";
import { CodeBlock } from "./markdown.tsx";
import { QuestionFields } from "./question-fields.tsx";

/** How a page lets people decide; null for those who may only look. */
export interface Deciding {
  action(decisionId: string): string;
  onSubmit?: (event: SubmitEvent, decisionId: string) => void;
  /** The line about the answer that the plane did not take. */
  problem?: { decisionId: string; text: string } | null;
}

/** One approval or question: what is asked, exactly, and what became of it. */
export function DecisionCard({ decision, deciding }: { decision: DecisionView; deciding: Deciding | null }) {
  const { decisionId, status } = decision;
  const title = titleOf(decision);
  const titleId = `ask-title-${decisionId}`;
  return (
    <section class={`ask is-${status}`} id={`ask-${decisionId}`} aria-labelledby={titleId}>
      <h2 class="ask-title" id={titleId}>
        {title}
      </h2>
      {decision.kind === "approval" ? <Call request={decision.request} /> : null}
      {status === "open" && deciding ? (
        <DecisionForm decision={decision} deciding={deciding} />
      ) : (
        <>
          {decision.kind === "question" ? <Questions decision={decision} /> : null}
          <p class="ask-outcome">{outcomeOf(decision)}</p>
        </>
      )}
    </section>
  );
}

function DecisionForm({ decision, deciding }: { decision: DecisionView; deciding: Deciding }) {
  const { decisionId } = decision;
  const { action, onSubmit, problem } = deciding;
  const isQuestion = decision.kind === "question";
  return (
    <form
      class="ask-form"
      method="post"
      action={action(decisionId)}
      {...(onSubmit && { onSubmit: (event: SubmitEvent) => onSubmit(event, decisionId) })}
    >
      {isQuestion ? <QuestionFields decisionId={decisionId} questions={decision.request.questions} /> : null}
      {problem?.decisionId === decisionId ? (
        <p class="alert" role="alert">
          {problem.text}
        </p>
      ) : null}
      <div class="ask-buttons">
        <button class="button primary" type="submit" name="answer" value={isQuestion ? "reply" : "approve"}>
          {isQuestion ? "Answer" : "Approve once"}
        </button>
        <button class="button" type="submit" name="answer" value="refuse">
          {isQuestion ? "Don’t answer" : "Refuse"}
        </button>
        <span class="ask-until">
          waits until <time dateTime={decision.expiresAt}>{clockOf(decision.expiresAt)}</time>
        </span>
      </div>
    </form>
  );
}

/** The whole of it, never shortened: people approve what they see. */
function Call({ request }: { request: PermissionRequest }) {
  const { metadata, patterns } = request;
  const [command, path, diff] = [metadata["command"], metadata["filepath"], metadata["diff"]];
  if (typeof command === "string") return <CodeBlock label="Command" text={shown(command)} />;
  if (typeof diff === "string") {
    return (
      <>
        <p class="ask-path">{shown(firstText(path, patterns.join(", ")))}</p>
        <CodeBlock label="Change" text={shown(diff)} />
      </>
    );
  }
  const text = [...patterns, ...(Object.keys(metadata).length > 0 ? [JSON.stringify(metadata, null, 2)] : [])].join(
    "\n",
  );
  return <CodeBlock label="Call" text={shown(text)} />;
}

function Questions({ decision }: { decision: DecisionView & { kind: "question" } }) {
  return (
    <dl class="ask-questions">
      {decision.request.questions.map(({ question }, n) => (
        <div key={n}>
          <dt>{question}</dt>
          {decision.answers?.[n] ? <dd>{decision.answers[n].join(", ")}</dd> : null}
        </div>
      ))}
    </dl>
  );
}

const titles = new Map([
  ["bash", "The agent asks to run a command"],
  ["edit", "The agent asks to change a file"],
  ["read", "The agent asks to read a file"],
  ["webfetch", "The agent asks to fetch a page"],
]);

function titleOf(decision: DecisionView): string {
  if (decision.kind === "approval") {
    const { permission } = decision.request;
    return titles.get(permission) ?? `The agent asks to use ${permission}`;
  }
  return decision.request.questions.length === 1 ? "The agent asks" : "The agent asks some questions";
}

function outcomeOf({ kind, status, by, expiresAt }: DecisionView): string {
  switch (status) {
    case "open":
      return `waits for a person until ${clockOf(expiresAt)}`;
    case "approved":
      return `approved once by ${by}`;
    case "answered":
      return `answered by ${by}`;
    case "refused":
      return kind === "question" ? `left unanswered by ${by}` : `refused by ${by}`;
    case "expired":
      return "nobody answered in time, so the agent was told no";
    case "withdrawn":
      return "not needed any more: the attempt that asked has ended";
  }
}

/** The same on the server and in every browser; whoever hovers sees the whole of it. */
function clockOf(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/** Signs that change the order in which text is read could show another call than the one that runs. */
function shown(text: string): string {
  return text.replaceAll(
    /[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
    (sign) => `\\u{${sign.codePointAt(0)!.toString(16)}}`,
  );
}
