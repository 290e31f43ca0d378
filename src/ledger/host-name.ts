// The host a crash is counted for. A nodename is text out of a dump that anybody may have written.

/** HOST_NAME_MAX of Linux (include/uapi/linux/limits.h says 64 with the terminating zero). */
const MAX_LENGTH = 64;

/** What a kernel calls itself until it is told its name (UTS_NODENAME in include/linux/uts.h). */
const UNNAMED = '(none)';

export interface HostRule {
  /** For dumps that do not name their host. */
  readonly fallback: string;
  /** Its first group is the host, where it matches the file's path; it comes before the nodename. */
  readonly pattern: RegExp | undefined;
}

export function hostOf(nodename: string | null, path: string, rule: HostRule): string {
  const fromPath = rule.pattern?.exec(path)?.[1];
  return sanitised(fromPath) ?? sanitised(nodename) ?? rule.fallback;
}

/** Only what a host name is made of, so that it needs no escaping anywhere. */
function sanitised(name: string | null | undefined): string | undefined {
  if (!name || name === UNNAMED) return undefined;
  return name.slice(0, MAX_LENGTH).replace(/[^\w.:-]/g, '_');
}
