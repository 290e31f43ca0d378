// Renders metric families in the text formats that Prometheus reads: 0.0.4 and OpenMetrics 1.0. prom-client's
// own OpenMetrics mode permanently removes `_total` from names (client_js#829), so it is not used.

export type Format = 'text' | 'openmetrics';

/** One sample line of a family. */
export interface FamilySample {
  /** Includes the suffix of a histogram: x_bucket, x_sum, x_count. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A metric with its samples, named as in text 0.0.4: a counter with its `_total`. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly FamilySample[];
}

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Returns a complete exposition; OpenMetrics 1.0 requires `# EOF` as its last line. */
export function exposed(families: readonly Family[], format: Format): string {
  const lines = families.flatMap((family) => linesOf(family, format));
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

function linesOf({ name, help, type, samples }: Family, format: Format): string[] {
  // In OpenMetrics the family of a counter lacks the suffix of its samples.
  const isCounter = format === 'openmetrics' && type === 'counter';
  const named = isCounter ? name.replace(/_total$/, '') : name;
  const typed = isCounter && named === name ? 'unknown' : type;
  return [
    `# HELP ${named} ${escapedHelp(help, format)}`,
    `# TYPE ${named} ${typed}`,
    ...samples.map((sample) => sampleLine(sample, format)),
  ];
}

function sampleLine({ name, labels, value }: FamilySample, format: Format): string {
  const pairs = Object.entries(labels).map(([label, text]) => {
    const shown = label === 'le' && format === 'openmetrics' ? canonical(text) : String(text);
    return `${label}="${escapedLabel(shown)}"`;
  });
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${numeral(value)}`;
}

function escapedLabel(text: string): string {
  return text.replace(/[\\\n"]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}

function escapedHelp(text: string, format: Format): string {
  return format === 'openmetrics'
    ? escapedLabel(text)
    : text.replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'));
}

function numeral(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}

/** Formats a bucket bound as a float, which OpenMetrics requires: `1.0`. */
function canonical(bound: string | number): string {
  const text = String(bound);
  return /^\d+$/.test(text) ? `${text}.0` : text;
}
