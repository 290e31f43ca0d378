// Errors on s390: PCI functions (arch/s390/pci/pci_event.c), and machine checks that affect a task
// (arch/s390/kernel/nmi.c). Machine checks of the machine itself stop it without a message.

import type { Findings, Recogniser } from './finding.ts';
import type { Severity } from './hardware-event.ts';
import type { Line } from './line.ts';

const PCI =
  /^zpci: (n\/a|[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): Event (0x[0-9a-f]{1,8}) reports an error for PCI function (0x[0-9a-f]{1,8})/;
const TASK = 'mcck: Terminating task because of machine malfunction';

/** PCI event codes. arch/s390/pci/pci_event.c __zpci_event_error(). */
const SEVERITIES: ReadonlyMap<number, Severity> = new Map([
  [0x2a, 'informational'],
  [0x2b, 'informational'],
  [0x2c, 'informational'],
  [0x3b, 'fatal'],
  [0x40, 'fatal'],
]);
const RECOVERED = 0x3a;

/** Finds error events of s390's PCI functions, and tasks terminated by a machine check. */
export class S390Recogniser implements Recogniser {
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  offer(line: Line): boolean {
    if (line.text.startsWith('zpci: ')) return this.#pci(line);
    if (!line.text.startsWith(TASK)) return false;
    const common = { kind: 'other', source: 'mcck' } as const;
    this.#findings.open(line, { ...common, category: 'cpu', severity: 'recoverable' });
    return true;
  }

  #pci(line: Line): boolean {
    const match = PCI.exec(line.text);
    if (match === null) return true;
    const [, address = 'n/a', event = '0', pciFunction = ''] = match;
    const code = Number(event);
    this.#findings.open(line, {
      kind: 'other',
      source: 'zpci',
      category: 'pci',
      severity: SEVERITIES.get(code) ?? 'recoverable',
      outcome: code === RECOVERED ? 'recovered' : null,
      detail: `event ${event} of PCI function ${pciFunction}`,
      place: address === 'n/a' ? {} : { pciAddress: address },
    });
    return true;
  }
}
