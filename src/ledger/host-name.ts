// The host a crash is counted for. A nodename is text out of a dump that anybody may have written.

/** HOST_NAME_MAX of Linux (include/uapi/linux/limits.h says 64 with the terminating zero). */
const MAX_LENGTH = 64;

/** What a kernel calls itself until it is given a name (UTS_NODENAME in include/linux/uts.h). */
const UNNAMED = '(none)';

/** The host of crashes in central mode that nothing names: of any machine. */
export const UNKNOWN_HOST = 'unknown';

/** How a crash gets its host's name: the path first, then the nodename, then the fallback. */
export interface HostRule {
  /** For dumps that do not name their host. */
  readonly fallback: string;
  /** Its first group is the host, where it matches the file's path; it comes before the nodename. */
  readonly pattern: RegExp | undefined;
}

/** Where a crash's host comes from: the path of its file, the dump itself, or neither. */
export type HostSource = 'path' | 'nodename' | 'fallback';

/** A host's name, and what gave it. */
export interface NamedHost {
  readonly host: string;
  readonly source: HostSource;
}

/** The host that the file's path or the dump names; the rule's fallback where neither does. */
export function hostOf(nodename: string | null, path: string, rule: HostRule): NamedHost {
  const fromPath = pathHost(path, rule);
  if (fromPath !== null) return { host: fromPath, source: 'path' };
  const name = hostName(nodename);
  if (name !== null) return { host: name, source: 'nodename' };
  return { host: rule.fallback, source: 'fallback' };
}

/** The host that the path names; null where it names none. */
export function pathHost(path: string, { pattern }: HostRule): string | null {
  return hostName(pattern?.exec(path)?.[1]);
}

/** Only what a host name is made of, so that it needs no escaping anywhere; null where it is none. */
export function hostName(name: string | null | undefined): string | null {
  if (!name || name === UNNAMED) return null;
  return name.slice(0, MAX_LENGTH).replace(/[^\w.:-]/g, '_');
}
