// What a file's path says about it. Names are hints: they only keep us from opening what is surely
// no finished dump. Whether a file is a dump is for its first bytes to say.

import { basename } from 'node:path';
import { maybePstore } from '../decode/pstore-name.ts';

/** Written beside a dump, or while it is written, by the kdump tools of the distributions. */
const NEVER_A_DUMP: readonly RegExp[] = [
  /\.new\//, // abrt, while it copies
  /(^|\/)(dmesg|vmcore-dmesg|kexec-dmesg)[^/]*$/,
  /(^|\/)README\.txt$/,
  /(^|\/)System\.map[^/]*$/,
  /(^|\/)(vmlinux|vmlinuz|opalcore)[^/]*$/,
  /\.(log|txt|crash|status|json)$/,
  /(^|\/)(kexec_cmd|kdump_lock|\.notified)$/,
];

/** Whether a path below a dump directory may be a finished dump, or a record of pstore. */
export function maybeDump(relativePath: string, excluded: readonly RegExp[]): boolean {
  const refused = maybePstore(basename(relativePath)) ? excluded : [...NEVER_A_DUMP, ...excluded];
  return !refused.some((pattern) => pattern.test(relativePath));
}

/** Words of a name that belong to dumps. */
const DUMP_WORDS: ReadonlySet<string> = new Set(['vmcore', 'dump', 'kdump']);
/** Words of what lies beside a dump, or of dumps of something else, such as `mysql.dump.sql`. */
const OTHER_WORDS: ReadonlySet<string> = new Set([
  ...['sha1', 'sha1sum', 'sha256', 'sha256sum', 'sha512', 'sha512sum', 'md5', 'md5sum', 'sum'],
  ...['sig', 'asc', 'pl', 'py', 'sh', 'sql', 'db', 'hprof', 'heap', 'conf', 'cfg', 'html', 'tar'],
]);

/**
 * Whether a name is one that dumps have: if such a file is not a dump, that is a failure; any other is
 * ignored. By words: `vmcore.1`, `dump.202610030405`, not `mysqldump.sql`, `vmcore.sha256`.
 */
export function claimsToBeDump(name: string): boolean {
  const words = name.toLowerCase().split(/[^a-z0-9]+/);
  return words.some((word) => DUMP_WORDS.has(word)) && !words.some((word) => OTHER_WORDS.has(word));
}

/**
 * Whether kdump gives a dump such a name until it is complete: `vmcore-incomplete` (kdump-utils),
 * `dump-incomplete` (kdump-tools). It keeps it for ever when makedumpfile fails.
 */
export function isUnfinishedName(name: string): boolean {
  return name.includes('incomplete');
}

/** A glob as a regular expression over whole paths: `**`, `*` and `?` mean what they do in a shell. */
export function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/|\*\*|\*|\?/g, (token) => GLOB_TOKENS[token] ?? token);
  return new RegExp(`^${source}$`, 's');
}

const GLOB_TOKENS: Readonly<Record<string, string>> = {
  '**/': '(?:.*/)?',
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
};
