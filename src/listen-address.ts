// Where to listen, as Prometheus exporters write it.

/** An address and a port to bind: TCP. */
export interface ListenAddress {
  /** undefined: every address. */
  readonly host: string | undefined;
  readonly port: number;
}

/** undefined for a text that is none of HOST:PORT, [IPv6]:PORT and :PORT. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { host: match[1] ?? (match[2] === '' ? undefined : match[2]), port };
}
