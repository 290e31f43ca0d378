// The handling of pages with bad memory. mm/memory-failure.c action_result(); before v4.12 with the prefix
// `MCE 0x…: ` or `MCE: 0x…: `. The number is a page frame, not an address. Also drivers/ras/cec.c, which
// retires pages with too many corrected errors.

import type { Finding, Findings, Recogniser } from './finding.ts';
import type { Line } from './line.ts';

/** Quick test that most lines fail: all lines recognised here match it. */
const ANY = /^(?:Injecting memory failure|RAS: Soft-offlining|Memory failure: |MCE:? 0x)/;
const PAGE = /^(?:Memory failure: |MCE:? )0x([0-9a-f]{1,13}): (.{1,1900})$/;
const ACTION =
  /^(?:recovery action for (.{1,64}?)|(.{1,64}? page) recovery): (Ignored|Failed|Delayed|Recovered)/;
/** madvise(MADV_HWPOISON) and mm/hwpoison-inject.c: software tests. */
const INJECTING = /^Injecting memory failure (?:for page|for pfn|at pfn) (?:0x)?([0-9a-f]{1,13})\b/;
const SOFT_OFFLINE = /^RAS: Soft-offlining pfn: 0x([0-9a-f]{1,13})/;
const INJECTION_SECONDS = 1;
/**
 * Number of consecutive pages that identify SEV-SNP pages being leaked (arch/x86/virt/svm/sev.c
 * snp_leak_pages): no error.
 */
const LEAK_PAGES = 3;

/**
 * Finds pages of bad memory handled by the kernel, and pages retired after too many corrected errors. Ignores
 * pages made bad by a software test.
 */
export class MemoryFailureRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #pageSize: bigint;
  #injected: { readonly frame: bigint; readonly time: number } | null = null;
  #run: { readonly frame: bigint; readonly findings: readonly Finding[] } | null = null;

  constructor(findings: Findings, pageSize: number) {
    this.#findings = findings;
    this.#pageSize = BigInt(pageSize);
  }

  offer(line: Line): boolean {
    if (!ANY.test(line.text)) return false;
    const injected = INJECTING.exec(line.text)?.[1];
    if (injected !== undefined) {
      this.#injected = { frame: BigInt(`0x${injected}`), time: line.time };
      return true;
    }
    const offlined = SOFT_OFFLINE.exec(line.text)?.[1];
    if (offlined !== undefined) {
      this.#findings.open(line, {
        kind: 'soft-offline',
        source: 'mce',
        category: 'memory',
        severity: 'corrected',
        outcome: 'page taken out of use',
        place: { physicalAddress: BigInt(`0x${offlined}`) * this.#pageSize },
      });
      return true;
    }
    const match = PAGE.exec(line.text);
    if (match === null) return false;
    const frame = BigInt(`0x${match[1] ?? '0'}`);
    if (!this.#isTest(line, frame)) this.#page(line, frame, match[2] ?? '');
    return true;
  }

  #isTest(line: Line, frame: bigint): boolean {
    const test = this.#injected;
    return test?.frame === frame && line.time - test.time <= INJECTION_SECONDS;
  }

  #page(line: Line, frame: bigint, text: string): void {
    const place = { physicalAddress: frame * this.#pageSize };
    const action = ACTION.exec(text);
    if (action === null) {
      const common = { kind: 'note', source: 'memory-failure', category: 'memory' } as const;
      this.#findings.open(line, { ...common, place });
      return;
    }
    const [, type, oldType, outcome = null] = action;
    const detail = type ?? oldType ?? null;
    const finding = this.#findings.open(line, {
      kind: 'memory-failure',
      source: 'memory-failure',
      category: 'memory',
      severity: 'recoverable',
      outcome,
      detail,
      place,
    });
    if (/^unknown page$/.test(detail ?? '') && outcome === 'Ignored') this.#leaked(frame, finding);
    else this.#run = null;
  }

  /** Treats consecutive pages as leaked, not as errors: their findings become notes. */
  #leaked(frame: bigint, finding: Finding): void {
    const step = frame - (this.#run?.frame ?? frame);
    const before = step === 1n || step === -1n ? (this.#run?.findings ?? []) : [];
    const findings = [...before.slice(1 - LEAK_PAGES), finding];
    this.#run = { frame, findings };
    if (findings.length < LEAK_PAGES) return;
    for (const one of findings) one.kind = 'note';
  }
}
