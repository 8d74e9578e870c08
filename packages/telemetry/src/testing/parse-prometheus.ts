/** One metric family of the Prometheus text format. */
export interface Family {
  type: string;
  help: string;
  samples: Array<{ name: string; labels: Record<string, string>; value: number }>;
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/y;

/**
 * Reads the format as strictly as `promtool check metrics` does where it matters: every sample belongs to a family
 * that was declared once, with help and type, and histograms are cumulative up to +Inf, with a sum and a count.
 */
export function parsePrometheus(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  for (const line of text.split("\n").filter((candidate) => candidate !== "")) {
    const [, word, name, rest] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line) ?? [];
    if (word === "HELP") helps.set(name!, rest!);
    else if (word === "TYPE") {
      if (families.has(name!)) throw new Error(`${name} is declared twice`);
      families.set(name!, { type: rest!, help: helps.get(name!) ?? "", samples: [] });
    } else if (word === undefined) addSample(families, line);
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

function addSample(families: Map<string, Family>, line: string): void {
  const [, name, labels, value] = sampleLine.exec(line) ?? [];
  if (!name || !Number.isFinite(Number(value))) throw new Error(`not a sample: ${line}`);
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
  if (!family) throw new Error(`${name} belongs to no declared family`);
  family.samples.push({ name, labels: parseLabels(labels ?? ""), value: Number(value) });
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  labelPair.lastIndex = 0;
  for (let end = 0; end < text.length; end = labelPair.lastIndex) {
    const match = labelPair.exec(text);
    if (!match) throw new Error(`not labels: ${text}`);
    labels[match[1]!] = match[2]!.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}

function checkHistogram(name: string, { samples }: Family): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const count = samples.find((sample) => sample.name === `${name}_count`)?.value;
  const growing = buckets.every(
    (bucket, at) => at === 0 || bucket.labels["le"] === undefined || bucket.value >= buckets[at - 1]!.value,
  );
  const complete = buckets.at(-1)?.labels["le"] === "+Inf" && buckets.at(-1)?.value === count;
  if (samples.length > 0 && (!growing || !complete)) throw new Error(`${name} is not a cumulative histogram`);
}
