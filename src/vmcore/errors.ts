// Errors of a decode, one class for each action of the operator.
// A kernel without the array is not an error: see report.ts. Errors of files, threads and time
// belong to the daemon: src/failure.ts.

/** Why a file could not be decoded, as seen by the decoder. A closed list: it is a metric label. */
export const DECODE_REASONS = [
  'not_a_dump',
  'unsupported_format',
  'unsupported_compression',
  'unsupported_arch',
  'truncated',
  'corrupt',
  'no_vmcoreinfo',
  'no_kallsyms',
  'symbol_not_found',
  'page_excluded',
  'page_lost',
  'encrypted',
  'limit_exceeded',
] as const;

export type DecodeReason = (typeof DECODE_REASONS)[number];

/**
 * Base of everything the decoder throws on purpose.
 *
 * `at` names the place (`kdump: page descriptor 812 at 0x4f30`); `detail` says got and wanted.
 */
export abstract class VmcoreError extends Error {
  abstract readonly tag: 'BadMagic' | 'Unsupported' | 'Corrupt' | 'PageMissing' | 'LimitExceeded';
  abstract readonly reason: DecodeReason;
  readonly at: string;

  constructor(at: string, detail: string, options?: ErrorOptions) {
    super(`${at}: ${detail}`, options);
    this.at = at;
  }
}

/** The file is not a dump in any known format: ignore it. */
export class BadMagic extends VmcoreError {
  readonly tag = 'BadMagic';
  readonly reason = 'not_a_dump';
}

/** The core of a process, which kernel.core_pattern may place beside dumps: ignore it, whatever its name. */
export class ProcessCore extends BadMagic {}

/** A dump in a known but unsupported format: convert it, or ask for the feature. */
export class Unsupported extends VmcoreError {
  readonly tag = 'Unsupported';
  readonly reason:
    'unsupported_format' | 'unsupported_compression' | 'unsupported_arch' | 'encrypted';

  constructor(reason: Unsupported['reason'], at: string, detail: string) {
    super(at, detail);
    this.reason = reason;
  }
}

/** The dump contradicts its own format, or ends before what is needed. */
export class Corrupt extends VmcoreError {
  readonly tag = 'Corrupt';
  readonly reason: 'corrupt' | 'truncated' | 'no_vmcoreinfo' | 'no_kallsyms' | 'symbol_not_found';

  constructor(reason: Corrupt['reason'], at: string, detail: string, options?: ErrorOptions) {
    super(at, detail, options);
    this.reason = reason;
  }
}

/** A required page of memory is not in the dump: filtered out, or lost because the dump was cut short. */
export class PageMissing extends VmcoreError {
  readonly tag = 'PageMissing';
  readonly reason: 'page_excluded' | 'page_lost';

  constructor(reason: PageMissing['reason'], at: string, detail: string) {
    super(at, detail);
    this.reason = reason;
  }
}

/** The page reads as zeros that were never written; the report gets a warning. */
export class NeverWritten extends PageMissing {
  constructor(at: string, detail: string) {
    super('page_lost', at, detail);
  }
}

/** A number in the file exceeds limits.ts: raise the limit, or suspect the file. */
export class LimitExceeded extends VmcoreError {
  readonly tag = 'LimitExceeded';
  readonly reason = 'limit_exceeded';
}

/** Returns the result of `read`, or `otherwise` on a VmcoreError. @throws any other error. */
export function orElse<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof VmcoreError) return otherwise;
    throw error;
  }
}
