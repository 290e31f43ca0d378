// The URL under which clients reach the exporter through a proxy: --web.external-url and
// --web.route-prefix, as in Prometheus.

/** Returns a path prefix without its trailing slash (empty for `/`); undefined if `text` is not a path. */
export function parsePrefix(text: string): string | undefined {
  const prefix = text.replace(/\/+$/, '');
  return text !== '' && /^(\/[\w.~-]+)*$/.test(prefix) ? prefix : undefined;
}

/** Parses an http or https URL that has only host, port and path; undefined for any other text. */
export function parseExternalUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const isPlain = url.username + url.password + url.search + url.hash === '';
  return isPlain && parsePrefix(url.pathname) !== undefined ? url : undefined;
}

/** Returns the prefix of all served paths: --web.route-prefix if given, else the path of the external URL. */
export function servedPrefix({
  routePrefix,
  externalUrl,
}: {
  readonly routePrefix: string | undefined;
  readonly externalUrl: URL | undefined;
}): string {
  return routePrefix ?? externalUrl?.pathname.replace(/\/+$/, '') ?? '';
}
