// Protection against DNS rebinding: an attacker's page, whose name suddenly resolves to this exporter, could
// read it in a visitor's browser. Such a page has a public name, which shows in the Host header of its
// requests.

import { isIP } from 'node:net';

/** Names that public DNS cannot give to an attacker: RFC 6761, Kubernetes services, ICANN's `internal`. */
const PRIVATE = /^(?:[^.]+|.*\.(?:localhost|svc|cluster\.local|internal))$/;

/**
 * Whether a Host header may name this exporter: an IP address, a name without a dot or of a private domain,
 * one of its own names, or a name that begins with the first label of an own name (`db7.example.com` for the
 * host db7). A request without the header is not from a browser.
 */
export function isOwnHost(header: string | undefined, ownNames: readonly string[]): boolean {
  if (header === undefined) return true;
  const name = nameIn(header.toLowerCase());
  if (name === undefined) return false;
  if (isIP(name) !== 0 || PRIVATE.test(name)) return true;
  return ownNames.some((own) => {
    const [first = ''] = own.toLowerCase().split('.');
    return own.toLowerCase() === name || (first !== 'localhost' && name.startsWith(`${first}.`));
  });
}

/** Returns the host of `host:port`, without brackets; undefined if invalid. */
function nameIn(header: string): string | undefined {
  const match = /^(?:\[([\da-f:.]+)\]|([\w.-]+?)\.?)(?::\d{1,5})?$/.exec(header);
  return match?.[1] ?? match?.[2];
}
