// Listen addresses in the syntax of Prometheus exporters.

/** A TCP address to bind. */
export interface ListenAddress {
  /** undefined: all addresses. */
  readonly host: string | undefined;
  readonly port: number;
}

/** Parses HOST:PORT, [IPv6]:PORT or :PORT; undefined for any other text. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { host: match[1] ?? (match[2] === '' ? undefined : match[2]), port };
}
