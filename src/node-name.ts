// The name of this host, for dumps that do not contain theirs.

const MAX_HOST_NAME = 64;

/** Returns `text` if it is a valid host name, undefined otherwise. */
export function parseNodeName(text: string): string | undefined {
  return text.length <= MAX_HOST_NAME && /^[\w.:-]+$/.test(text) ? text : undefined;
}

/**
 * Returns the default of --node.name: the host name with invalid characters replaced. The kernel allows any
 * host name, `(none)` for example, and the default must be valid.
 *
 * @param name as gethostname(2) returns it.
 */
export function defaultNodeName(name: string): string {
  const plain = name.replace(/[^\w.:-]+/g, '-').replace(/^-|-$/g, '');
  return parseNodeName(plain.slice(0, MAX_HOST_NAME)) ?? 'localhost';
}
