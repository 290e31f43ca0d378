// Where the exporter is reached through a proxy, as Prometheus' --web.external-url and
// --web.route-prefix have it.

/** A path in front of others, without the slash at its end; empty for `/`. undefined: not a path. */
export function parsePrefix(text: string): string | undefined {
  const prefix = text.replace(/\/+$/, '');
  return text !== '' && /^(\/[\w.~-]+)*$/.test(prefix) ? prefix : undefined;
}

/** An http or https URL of host, port and path alone; undefined: anything else. */
export function parseExternalUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const isPlain = url.username + url.password + url.search + url.hash === '';
  return isPlain && parsePrefix(url.pathname) !== undefined ? url : undefined;
}

/** What all paths that are served begin with: the prefix that was given, or that of the URL. */
export function servedPrefix({
  routePrefix,
  externalUrl,
}: {
  readonly routePrefix: string | undefined;
  readonly externalUrl: URL | undefined;
}): string {
  return routePrefix ?? externalUrl?.pathname.replace(/\/+$/, '') ?? '';
}
