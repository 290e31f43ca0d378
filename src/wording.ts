// Text for people: durations, dates, verdicts, and advice on failures.

import type { NamedError, Verdict, VerdictKind } from './triage.ts';
import type { AbsentReason } from './vmcore/index.ts';

const CATEGORY_NAMES: Readonly<Record<string, string>> = {
  cpu: 'CPU',
  memory: 'memory',
  pci: 'PCI',
  cxl: 'CXL',
  others: 'other hardware',
};

/** Returns `CPU`, `other hardware` and the like; a category without a display name unchanged. */
export function categoryName(category: string): string {
  return CATEGORY_NAMES[category] ?? category;
}

/** Formats the absolute value of a duration with its two largest units: `8 s`, `4 min 12 s`, `3 d 2 h`. */
export function span(seconds: number): string {
  const whole = Math.abs(Math.round(seconds));
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(' ');
}

/** Formats Unix seconds: `2026-10-03 14:05:42 UTC`. A number out of the range of dates is shown in seconds. */
export function date(seconds: number): string {
  const time = new Date(seconds * 1000);
  if (Number.isNaN(time.getTime())) return `${seconds} s after 1970`;
  return `${time
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace('T', ' ')} UTC`;
}

/** Formats Unix seconds without seconds and time zone: `2026-10-03 14:05`, in UTC. */
export function shortDate(seconds: number): string {
  return date(seconds).replace(/:\d\d UTC$/, '');
}

/** Formats Unix seconds: `2026-10-03T14:05:42.000Z`; undefined if out of the range of dates. */
export function isoDate(seconds: number): string | undefined {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** Formats a time relative to now: `3 h 2 min ago`, or `in 5 s` if clocks disagree. */
export function ago(seconds: number, nowSeconds: number): string {
  const age = nowSeconds - seconds;
  return age < 0 ? `in ${span(age)}` : `${span(age)} ago`;
}

/** Formats a lead: `8 s before`, `3 s after (the clock was set)`, or `unknown` for null. */
export function lead({ leadSeconds: seconds }: { readonly leadSeconds: number | null }): string {
  if (seconds === null) return 'unknown';
  return seconds < 0 ? `${span(seconds)} after (the clock was set)` : `${span(seconds)} before`;
}

/** Short names of the kinds of verdict, for lists. */
export const VERDICT_NAMES: Readonly<Record<VerdictKind | 'hardware', string>> = {
  hardware: 'a hardware error in or shortly before the panic',
  hardware_panic: 'the panic is a hardware error',
  suspect: 'error shortly before',
  logged_suspect: 'error shortly before, in the log',
  earlier: 'error earlier',
  logged_earlier: 'error earlier, in the log',
  clock_set: 'errors dated after the crash',
  undated: 'errors, time of the crash unknown',
  logged_undated: 'error in the log, time unknown',
  machine_check_taint: 'machine check without a record',
  clean: 'no error',
  log_clean: 'none in the log, no counters',
  unknown: 'unknown',
};

/** Returns the verdict in a few words, for a list. */
export function verdictBrief(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'hardware_panic':
      return capital(errorName(verdict.error));
    case 'suspect':
    case 'earlier': {
      const error = 'error' in verdict ? verdict.error : null;
      const name = error === null ? `${categoryName(verdict.category)} error` : errorName(error);
      return `${capital(name)}, ${fineSpan(verdict.leadSeconds)} before`;
    }
    case 'logged_suspect':
    case 'logged_earlier':
      return `${capital(errorName(verdict.error))}, ${fineSpan(verdict.leadSeconds)} before`;
    case 'logged_undated':
      return `${capital(errorName(verdict.error))}, time unknown`;
    case 'clean':
      return verdict.restsOn.includes('log') ? 'No error' : 'None counted, log not read';
    case 'clock_set':
    case 'undated':
    case 'machine_check_taint':
    case 'log_clean':
    case 'unknown':
      return capital(VERDICT_NAMES[verdict.kind]);
  }
}

interface SharedBy {
  readonly crashes: number;
  readonly hosts: number;
  readonly kernels: number;
  readonly models: number;
  readonly unnamed: number;
}

/** Says what crashes with one signature share and what that suggests; undefined if nothing. */
export function sharedBy({
  crashes,
  hosts,
  kernels,
  models,
  unnamed,
}: SharedBy): string | undefined {
  if (crashes === 1) return undefined;
  if (hosts === 1) return 'One host: suspect its hardware first.';
  const isOneModel = models === 1 && unnamed === 0;
  if (isOneModel && kernels === 1) {
    return 'Several hosts, one model and one kernel: suspect the firmware of the model, or a bug of the kernel.';
  }
  if (isOneModel) return 'Several hosts and kernels, one model: suspect its firmware.';
  if (kernels > 1) return undefined;
  return unnamed === 0
    ? 'Several models, one kernel: suspect a bug of the kernel.'
    : 'Several hosts, one kernel: suspect a bug of the kernel.';
}

/** Returns the verdict in one line. */
export function verdictText(verdict: Verdict): string {
  const { kind } = verdict;
  const untrusted = verdict.restsOn.includes('log_text')
    ? ', by log text that any process may have written'
    : '';
  return `${answer(verdict)}${kind === 'log_clean' ? '' : untrusted}`;
}

function answer(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'hardware_panic':
      return `The panic is a hardware error: ${errorName(verdict.error)}`;
    case 'suspect':
      return verdict.error === null
        ? `${capital(categoryName(verdict.category))} error ${fineSpan(verdict.leadSeconds)} before the panic`
        : `${capital(errorName(verdict.error))}, ${fineSpan(verdict.leadSeconds)} before the panic`;
    case 'logged_suspect':
      return `${capital(errorName(verdict.error))}, ${fineSpan(verdict.leadSeconds)} before the panic (in the log)`;
    case 'earlier':
      return `Last hardware error ${span(verdict.leadSeconds)} before the panic (${categoryName(verdict.category)})`;
    case 'logged_earlier':
      return `Last hardware error ${span(verdict.leadSeconds)} before the panic (${errorName(verdict.error)}, in the log)`;
    case 'clock_set':
      return 'Hardware errors counted, dated after the crash: the clock was set in between';
    case 'undated':
      return 'Hardware errors counted, but the dump does not say when the kernel died';
    case 'logged_undated':
      return `${capital(errorName(verdict.error))} in the log, at an unknown time before the end`;
    case 'machine_check_taint':
      return 'Machine check in this boot (taint flag M); no record of it is left';
    case 'clean':
      return verdict.restsOn.includes('counters') && verdict.restsOn.length === 1
        ? 'No hardware error counted before the panic; the log, which would show a fatal one, is not in the dump'
        : 'No hardware error counted before the panic, and none in the log';
    case 'log_clean':
      return `${verdict.reason === 'pstore' ? 'No dump; the log in pstore has' : 'No counters in this kernel; its log has'} no hardware error${
        verdict.sinceSeconds === null ? '' : ` from ${span(verdict.sinceSeconds)} after boot on`
      }`;
    case 'unknown':
      return `No counters: ${isAbsent(verdict.reason) ? WHY_ABSENT[verdict.reason] : `they could not be read (${verdict.reason})`}`;
  }
}

const SEVERITY_NAMES: Readonly<Record<NamedError['severity'], string>> = {
  informational: 'informational ',
  corrected: 'corrected ',
  recoverable: '',
  fatal: 'fatal ',
};

/** Returns text such as `fatal memory error at DIMM_A1`. */
function errorName({ category, severity, part }: NamedError): string {
  const where = part === null ? '' : ` at ${part}`;
  return `${SEVERITY_NAMES[severity]}${categoryName(category)} error${where}`;
}

/** As span(), but with hundredths below a minute if there are any: `9.24 s`. */
function fineSpan(seconds: number): string {
  if (Number.isInteger(seconds) || Math.abs(seconds) >= 60) return span(seconds);
  return `${seconds.toFixed(2)} s`;
}

/** Why there are no counters. */
export const WHY_ABSENT: Readonly<Record<AbsentReason, string>> = {
  kernel_without_hwerr: 'this kernel does not count hardware errors (Linux 6.19 and later do)',
  symbol_not_found: 'this kernel counts hardware errors, but nothing here says where',
  page_excluded: 'the page with the counters was filtered out of the dump',
  page_lost: 'the dump broke off before the page with the counters',
  pstore: 'there is no dump, only the log that the kernel kept in pstore',
};

/** Why there is no log, by reason. Other reasons are shown as they are. */
export const WHY_NO_LOG: Readonly<Record<string, string>> = {
  log_not_kept: 'the kernel keeps it in a form that is not read here',
  page_excluded: 'its pages were filtered out of the dump',
  page_lost: 'the dump broke off before it',
};

function isAbsent(reason: string): reason is AbsentReason {
  return Object.hasOwn(WHY_ABSENT, reason);
}

const ADVICE: Readonly<Record<string, string>> = {
  not_a_dump: 'Not a crash dump. Leave it out with --kdump.exclude if it stays.',
  unsupported_format: 'A dump of a kind that is not read here. Convert it with makedumpfile.',
  unsupported_compression: 'Dump with zlib, lzo, snappy or zstd (makedumpfile -c, -l, -p, -z).',
  unsupported_arch: 'This architecture is not read yet.',
  truncated: 'The dump broke off. Was the disk full? Is it still being copied?',
  corrupt: 'The dump contradicts itself. Check the disk and the copy; try crash(8) on it.',
  no_vmcoreinfo: 'The dump has no VMCOREINFO. Was it made by a hypervisor without that device?',
  no_kallsyms: 'The kernel was built without CONFIG_KALLSYMS. Give its System.map: --symbols.path.',
  symbol_not_found: 'Give the System.map or vmlinux of this kernel: --symbols.path.',
  page_excluded: 'makedumpfile left the page out. Dump with level 31 or lower.',
  page_lost: 'The dump broke off before the counters. Make room on the dump disk.',
  encrypted: 'The host sees ciphertext. Dump from inside the guest, with kdump.',
  limit_exceeded: 'Hostile, corrupt, or large: raise --decode.max-memory if you trust the dump.',
  permission:
    'The exporter may not read the file. It needs CAP_DAC_READ_SEARCH, or a group; for a URL or a bucket, other credentials.',
  io: 'Reading failed. See the message; check the disk, the mount or the store.',
  timeout: 'Took too long. Raise --decode.timeout, or check the mount.',
  internal: 'A mistake of the exporter. Please report it.',
};

/** Returns what an operator can do about a failure, by its reason. */
export function advice(reason: string): string {
  return ADVICE[reason] ?? 'See the message.';
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
