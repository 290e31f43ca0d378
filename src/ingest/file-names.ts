// What a file's path says about it. Names are only hints that save opening files that cannot be finished
// dumps; whether a file is a dump is decided by its first bytes.

import { basename } from 'node:path';
import { maybePstore } from '../decode/pstore-name.ts';

/** Files that the kdump tools of distributions write beside a dump, or while they write it. */
const NEVER_A_DUMP: readonly RegExp[] = [
  /\.new\//, // abrt, while it copies a dump
  /(^|\/)(dmesg|vmcore-dmesg|kexec-dmesg)[^/]*$/,
  /(^|\/)README\.txt$/,
  /(^|\/)System\.map[^/]*$/,
  /(^|\/)(vmlinux|vmlinuz|opalcore)[^/]*$/,
  /\.(log|txt|crash|status|json)$/,
  /(^|\/)(kexec_cmd|kdump_lock|\.notified)$/,
];

/** Whether a path below a dump directory may be a finished dump or a pstore record. */
export function maybeDump(relativePath: string, excluded: readonly RegExp[]): boolean {
  const refused = maybePstore(basename(relativePath)) ? excluded : [...NEVER_A_DUMP, ...excluded];
  return !refused.some((pattern) => pattern.test(relativePath));
}

/** Words in the names of dumps. */
const DUMP_WORDS: ReadonlySet<string> = new Set(['vmcore', 'dump', 'kdump']);
/** Words in names of files beside a dump, or of other dumps, such as `mysql.dump.sql`. */
const OTHER_WORDS: ReadonlySet<string> = new Set([
  ...['sha1', 'sha1sum', 'sha256', 'sha256sum', 'sha512', 'sha512sum', 'md5', 'md5sum', 'sum'],
  ...['sig', 'asc', 'pl', 'py', 'sh', 'sql', 'db', 'hprof', 'heap', 'conf', 'cfg', 'html', 'tar'],
]);

/**
 * Whether the name is typical of dumps. If such a file is not a dump, that is reported as a failure; other
 * files are ignored. Judged by words: `vmcore.1` and `dump.202610030405`, but not `mysqldump.sql` or
 * `vmcore.sha256`.
 */
export function claimsToBeDump(name: string): boolean {
  const words = name.toLowerCase().split(/[^a-z0-9]+/);
  return words.some((word) => DUMP_WORDS.has(word)) && !words.some((word) => OTHER_WORDS.has(word));
}

/**
 * Whether it is a name that kdump uses until the dump is complete: `vmcore-incomplete` (kdump-utils),
 * `dump-incomplete` (kdump-tools). If makedumpfile fails, the file keeps the name.
 */
export function isUnfinishedName(name: string): boolean {
  return name.includes('incomplete');
}

/** Returns a glob as a pattern for whole paths; `**`, `*` and `?` have the meaning they have in a shell. */
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
