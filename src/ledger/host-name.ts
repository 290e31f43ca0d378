// The host for which a crash is counted. A nodename is text from a dump, which anybody may have written.

/** HOST_NAME_MAX of Linux (include/uapi/linux/limits.h says 64 with the terminating zero). */
const MAX_LENGTH = 64;

/** The nodename of a kernel before it is set (UTS_NODENAME in include/linux/uts.h). */
const UNNAMED = '(none)';

/** The host of crashes in central mode without a known host. */
export const UNKNOWN_HOST = 'unknown';

/** How the host of a crash is determined: by its path, then its nodename, then the fallback. */
export interface HostRule {
  /** Used for dumps that do not contain their host. */
  readonly fallback: string;
  /** If it matches the path of the file, its first group is the host, in preference to the nodename. */
  readonly pattern: RegExp | undefined;
}

/** The source of a host name: the path of the file, the dump, or neither. */
export type HostSource = 'path' | 'nodename' | 'fallback';

/** A host name and its source. */
export interface NamedHost {
  readonly host: string;
  readonly source: HostSource;
}

/** Returns the host by the rule: from the path, else from the nodename, else the fallback. */
export function hostOf(nodename: string | null, path: string, rule: HostRule): NamedHost {
  const fromPath = pathHost(path, rule);
  if (fromPath !== null) return { host: fromPath, source: 'path' };
  const name = hostName(nodename);
  if (name !== null) return { host: name, source: 'nodename' };
  return { host: rule.fallback, source: 'fallback' };
}

/** Returns the host in the path; null if there is none. */
export function pathHost(path: string, { pattern }: HostRule): string | null {
  return hostName(pattern?.exec(path)?.[1]);
}

/** Replaces characters that need escaping anywhere; null if the name is missing or unset. */
export function hostName(name: string | null | undefined): string | null {
  if (!name || name === UNNAMED) return null;
  return name.slice(0, MAX_LENGTH).replace(/[^\w.:-]/g, '_');
}
