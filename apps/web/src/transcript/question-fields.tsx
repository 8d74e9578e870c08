import type { QuestionRequest } from "@open-cowork/contracts/events";
import { limits } from "@open-cowork/contracts/timings";

/** The fields of a question's form; `answerIn` reads them back. */
export function QuestionFields({
  decisionId,
  questions,
}: {
  decisionId: string;
  questions: QuestionRequest["questions"];
}) {
  return (
    <>
      <input type="hidden" name="asked" value={questions.length} />
      {questions.map(({ question, options, multiple, custom }, n) => (
        <fieldset class="ask-question" key={n}>
          <legend>{question}</legend>
          {options.map(({ label, description }) => (
            <label class="ask-option" key={label}>
              <input type={multiple ? "checkbox" : "radio"} name={`choice-${n}`} value={label} />
              <span>
                {label}
                {description ? <span class="ask-description"> {description}</span> : null}
              </span>
            </label>
          ))}
          {custom === false ? null : (
            <label class="ask-own" for={`own-${decisionId}-${n}`}>
              <span>{multiple ? "And in your own words" : "Or in your own words"}</span>
              <input
                id={`own-${decisionId}-${n}`}
                type="text"
                name={multiple ? `more-${n}` : `own-${n}`}
                maxLength={limits.answerChars}
                autocomplete="off"
              />
            </label>
          )}
        </fieldset>
      ))}
    </>
  );
}
