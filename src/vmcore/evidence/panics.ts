// Panics that are hardware errors themselves. They are joined with messages about the error printed just
// before; without such messages, the panic is all there is.

import type { Category, Source } from './hardware-event.ts';
import type { Findings, Place, Recogniser } from './finding.ts';
import { type CrashType, deathIn, panicMessage } from './death.ts';
import { edacMemory } from './edac.ts';
import type { Line } from './line.ts';

/** The source of an error, if the type of the crash determines it. */
const BY_TYPE: ReadonlyMap<CrashType, Source> = new Map([
  ['machine-check', 'mce'],
  ['ghes-fatal', 'ghes'],
  ['serror', 'serror'],
]);

/** edac_mc_panic_on_ue: drivers/edac/edac_mc.c edac_ue_error(). */
const EDAC_MEMORY = /^UE (.{1,900})$/;
const EDAC_DEVICE = /^EDAC .{1,64}: UE instance: /;
const MEMORY_FAILURE = /^Memory failure: 0x([0-9a-f]{1,13}): unrecoverable page/;
/** arch/powerpc/platforms/powernv/opal-hmi.c; the message of a machine check differs only in the last words. */
const HMI = 'opal: Hardware platform error: Unrecoverable HMI exception';
const IOCK = 'NMI IOCK error: Not continuing';
/** Also printed after an NMI for an unknown reason. */
const NMI = 'NMI: Not continuing';

interface Cause {
  readonly source: Source;
  readonly category: Category | null;
  readonly place: Place;
  /** Whether the panic alone proves a hardware error. */
  readonly certain: boolean;
}

/**
 * Finds panics caused by a machine check, a fatal firmware error record, an SError, an HMI, an uncorrected
 * EDAC error, bad memory, or an IOCK NMI; always fatal. A panic on any other NMI is only a note.
 */
export class PanicRecogniser implements Recogniser {
  readonly #findings: Findings;
  readonly #pageSize: number;

  constructor(findings: Findings, pageSize: number) {
    this.#findings = findings;
    this.#pageSize = pageSize;
  }

  offer(line: Line): boolean {
    const cause = this.#cause(line.text);
    if (cause === null) return false;
    const { source, category, place, certain } = cause;
    this.#findings.open(line, {
      kind: certain ? 'panic' : 'note',
      severity: 'fatal',
      decisive: true,
      ...{ source, category, place },
    });
    return true;
  }

  #cause(text: string): Cause | null {
    const death = deathIn(text);
    if (death === null || death.kind === 'request' || death.kind === 'lockup') return null;
    const source = text.startsWith(HMI) ? 'hmi' : BY_TYPE.get(death.type);
    if (source !== undefined) return { source, category: null, place: {}, certain: true };
    const message = panicMessage(text);
    return message === null ? null : this.#named(message);
  }

  #named(message: string): Cause | null {
    const ue = EDAC_MEMORY.exec(message)?.[1];
    if (ue !== undefined) {
      const { place } = edacMemory(ue, this.#pageSize);
      return { source: 'edac', category: 'memory', place, certain: true };
    }
    if (EDAC_DEVICE.test(message)) {
      return { source: 'edac', category: null, place: {}, certain: true };
    }
    const frame = MEMORY_FAILURE.exec(message)?.[1];
    if (frame !== undefined) {
      const physicalAddress = BigInt(`0x${frame}`) * BigInt(this.#pageSize);
      const place = { physicalAddress };
      return { source: 'memory-failure', category: 'memory', place, certain: true };
    }
    const iock = message.startsWith(IOCK);
    if (!iock && !message.startsWith(NMI)) return null;
    return { source: 'nmi', category: null, place: {}, certain: iock };
  }
}
