// Content negotiation: exposition format by Accept, gzip by Accept-Encoding (RFC 9110 section 12.5). The
// default is text 0.0.4, uncompressed.

export type Format = 'text' | 'openmetrics';

interface Choice {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly q: number;
}

/** Returns OpenMetrics for clients that prefer its version 1.0 to plain text or accept both equally. */
export function exposition(accept: string | undefined): Format {
  let text = 0;
  let openmetrics = 0;
  for (const { value, parameters, q } of choices(accept)) {
    const version = parameters.get('version');
    if (value === 'application/openmetrics-text') {
      if (version === undefined || version === '1.0.0') openmetrics = Math.max(openmetrics, q);
    } else if (value === 'text/plain') {
      if (version === undefined || version === '0.0.4') text = Math.max(text, q);
    }
  }
  return openmetrics > 0 && openmetrics >= text ? 'openmetrics' : 'text';
}

/** Whether the header allows gzip, by name or by `*`, with a weight above 0 (RFC 9110 12.5.3). */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const all = choices(acceptEncoding);
  const choice =
    all.find(({ value }) => value === 'gzip') ?? all.find(({ value }) => value === '*');
  return choice !== undefined && choice.q > 0;
}

function choices(header: string | undefined): Choice[] {
  return (header ?? '').split(',').map((item) => {
    const [value = '', ...rest] = item.split(';').map((part) => part.trim());
    const parameters = new Map(
      rest.map((part) => {
        const [name = '', text = ''] = part.split('=');
        return [name.trim().toLowerCase(), text.trim().replace(/^"(.*)"$/, '$1')];
      }),
    );
    const q = Number(parameters.get('q') ?? 1);
    return { value: value.toLowerCase(), parameters, q: q >= 0 && q <= 1 ? q : 0 };
  });
}
