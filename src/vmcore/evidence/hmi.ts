// Hypervisor Maintenance Interrupts of POWER. arch/powerpc/platforms/powernv/opal-hmi.c
// print_hmi_event_info(). Level `Warning` prints an empty word.

import { type Finding, type Findings, type Recogniser, Unfinished } from './finding.ts';
import type { Severity } from './hardware-event.ts';
import type { Line } from './line.ts';

const INTERRUPT = 'Hypervisor Maintenance interrupt ';
const HEAD =
  /^(Harmless|Severe|Fatal|Warning)? ?Hypervisor Maintenance interrupt \[(Recovered|Not recovered)\]/;
const DETAIL = /^ Error detail: (.{1,200})$/;

/** Finds Hypervisor Maintenance Interrupts of POWER: errors of a CPU, fatal if not recovered. */
export class HmiRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #last = new Unfinished<string | null, { readonly finding: Finding }>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    const head = line.text.includes(INTERRUPT) ? HEAD.exec(line.text) : null;
    if (head === null) {
      if (!line.text.startsWith(' Error detail: ')) return false;
      const detail = DETAIL.exec(line.text)?.[1];
      const finding = detail === undefined ? undefined : this.#last.get(line.caller, line)?.finding;
      if (finding === undefined) return false;
      finding.detail ??= detail ?? null;
      return true;
    }
    const cpu = /^C(\d{1,6})$/.exec(line.caller ?? '')?.[1];
    const finding = this.#findings.open(line, {
      kind: 'other',
      source: 'hmi',
      category: 'cpu',
      severity: severity(head[1], head[2] === 'Recovered'),
      place: cpu === undefined ? {} : { cpu: Number(cpu) },
    });
    this.#last.set(line.caller, { finding });
    return true;
  }
}

function severity(word: string | undefined, recovered: boolean): Severity {
  if (!recovered) return 'fatal';
  return word === 'Harmless' ? 'corrected' : 'recoverable';
}
