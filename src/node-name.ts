// The name of this host, for dumps that do not name theirs.

const MAX_HOST_NAME = 64;

/** The name itself; undefined when it is none that a host can have. */
export function parseNodeName(text: string): string | undefined {
  return text.length <= MAX_HOST_NAME && /^[\w.:-]+$/.test(text) ? text : undefined;
}

/**
 * A machine may have any name, `(none)` among them, and a default must always do.
 *
 * @param name what the kernel calls this machine, as gethostname(2) gives it.
 */
export function defaultNodeName(name: string): string {
  const plain = name.replace(/[^\w.:-]+/g, '-').replace(/^-|-$/g, '');
  return parseNodeName(plain.slice(0, MAX_HOST_NAME)) ?? 'localhost';
}
