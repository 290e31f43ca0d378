// Traps for hardware errors of riscv (arch/riscv/kernel/traps.c) and loongarch (arch/loongarch/kernel/
// traps.c cache_parity_error).

import type { Findings, Recogniser } from './finding.ts';
import type { Line } from './line.ts';

const RISCV = /^Oops - (load access fault|hardware error)\b/;
const LOONGARCH = "Can't handle the cache error!";
const PANIC = 'Kernel panic - not syncing: ';

/** Finds load access faults and hardware errors of riscv, and cache errors of loongarch; all are fatal. */
export class TrapRecogniser implements Recogniser {
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    const riscv = line.text.startsWith('Oops - ') ? RISCV.exec(line.text)?.[1] : undefined;
    if (riscv === undefined && !isCacheError(line.text)) return false;
    this.#findings.open(line, {
      kind: 'other',
      source: 'trap',
      category: riscv === undefined ? 'cpu' : 'others',
      severity: 'fatal',
      detail: riscv ?? 'cache error',
    });
    return true;
  }
}

function isCacheError(text: string): boolean {
  return text.startsWith(LOONGARCH) || text.startsWith(`${PANIC}${LOONGARCH}`);
}
