/**
 * What the fields of a decision's form say, in the shape of the API. A question's choices are `choice-0`, its answer in a
 * person's own words is `own-0` where it stands for the choice, and `more-0` where it stands beside them.
 */
export function answerIn(fields: Iterable<readonly [name: string, value: string]>): unknown {
  const all = [...fields];
  const answer = all.find(([name]) => name === "answer")?.[1];
  if (answer !== "reply") return { answer };
  const asked = Number(all.find(([name]) => name === "asked")?.[1] ?? 0);
  const said = (name: string) => all.flatMap(([each, value]) => (each === name && value.trim() !== "" ? [value] : []));
  const answers = Array.from({ length: Math.min(asked, 100) }, (_, n) => {
    const own = said(`own-${n}`);
    return own.length > 0 ? own : [...said(`choice-${n}`), ...said(`more-${n}`)];
  });
  return { answers };
}
