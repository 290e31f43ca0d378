// Against DNS rebinding: a page of an attacker, whose name suddenly points to this exporter, could read it
// in a visitor's browser. Such a page has a public name, so the Host header of its requests gives it away.

import { isIP } from 'node:net';

/** Names that no public DNS server can give to an attacker: RFC 6761, Kubernetes services, ICANN's `internal`. */
const PRIVATE = /^(?:[^.]+|.*\.(?:localhost|svc|cluster\.local|internal))$/;

/**
 * Whether a Host header may be one that this exporter is called by: an IP address, a name without a dot
 * or of a private domain, one of its own names, or one that begins with the first part of an own name
 * (`db7.example.com` for the host db7). No header at all is no browser.
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

/** The host of `host:port`, without brackets; undefined: it is none. */
function nameIn(header: string): string | undefined {
  const match = /^(?:\[([\da-f:.]+)\]|([\w.-]+?)\.?)(?::\d{1,5})?$/.exec(header);
  return match?.[1] ?? match?.[2];
}
