// Identifies the client of a connection by its address.

/**
 * Returns the key under which a client's connections are counted: an IPv4 address; the /64 of an IPv6 address,
 * because one customer has all of it; `unix` for clients of a Unix socket.
 */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return 'unix';
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (v4 !== undefined) return v4;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':');
}
