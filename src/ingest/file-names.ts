// What a file's path says about it. Names are hints: they only keep us from opening what is surely
// no finished dump. Whether a file is a dump is for its first bytes to say.

/** Written beside a dump, or while it is written, by the kdump tools of the distributions. */
const NEVER_A_DUMP: readonly RegExp[] = [
  /incomplete/, // kdump-utils and kdump-tools, until they rename it
  /\.new\//, // abrt, while it copies
  /(^|\/)(dmesg|vmcore-dmesg|kexec-dmesg)[^/]*$/,
  /(^|\/)README\.txt$/,
  /(^|\/)System\.map[^/]*$/,
  /(^|\/)(vmlinux|vmlinuz|opalcore)[^/]*$/,
  /\.(log|txt|crash|status|json)$/,
  /(^|\/)(kexec_cmd|kdump_lock|\.notified)$/,
];

/** Whether a path below a dump directory may be a finished dump. */
export function maybeDump(relativePath: string, excluded: readonly RegExp[]): boolean {
  return ![...NEVER_A_DUMP, ...excluded].some((pattern) => pattern.test(relativePath));
}

/** Names that dumps have: such a file that is none is worth an alarm, any other is nobody's business. */
export function claimsToBeDump(name: string): boolean {
  return /vmcore|dump/.test(name);
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
