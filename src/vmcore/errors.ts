// What can go wrong while a dump is decoded, chosen by what the operator does next.
// A kernel without the array is no error: see report.ts. Errors of files, threads and time
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

/** The file is not a dump of any kind we know: ignore it. */
export class BadMagic extends VmcoreError {
  readonly tag = 'BadMagic';
  readonly reason = 'not_a_dump';
}

/** The core of a process, which kernel.core_pattern may lay beside dumps: ignore it, whatever its name. */
export class ProcessCore extends BadMagic {}

/** A dump of a kind we recognise and cannot read: convert it, or ask for the feature. */
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

/** A page of memory that is needed and is not in the dump: filtered out, or lost when it broke off. */
export class PageMissing extends VmcoreError {
  readonly tag = 'PageMissing';
  readonly reason: 'page_excluded' | 'page_lost';

  constructor(reason: PageMissing['reason'], at: string, detail: string) {
    super(at, detail);
    this.reason = reason;
  }
}

/** Zeros that nobody wrote: what the dump has in the page's place is no answer, which is to be said. */
export class NeverWritten extends PageMissing {
  constructor(at: string, detail: string) {
    super('page_lost', at, detail);
  }
}

/** A number in the file asks for more than limits.ts allows: raise the limit, or suspect the file. */
export class LimitExceeded extends VmcoreError {
  readonly tag = 'LimitExceeded';
  readonly reason = 'limit_exceeded';
}

/** What it reads, or `otherwise` where the dump does not have it. @throws what is not thrown on purpose. */
export function orElse<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof VmcoreError) return otherwise;
    throw error;
  }
}
