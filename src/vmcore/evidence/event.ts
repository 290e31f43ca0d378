// Makes one event of all findings of an error: each fact is taken from the most informative finding that has
// it.

import { shownText } from './shown-text.ts';
import type { Finding, Kind, Place } from './finding.ts';
import {
  type Category,
  type HardwareEvent,
  type Part,
  type Severity,
  type Source,
  worse,
} from './hardware-event.ts';

/** Sources, the most informative first; the order of sources that are never merged is arbitrary. */
const SOURCES: readonly Source[] = [
  ...(['ghes', 'extlog', 'edac', 'mce', 'memory-failure', 'dpc', 'aer', 'nmi', 'eeh'] as const),
  ...(['hmi', 'rtas', 'zpci', 'mcck', 'serror', 'trap', 'cxl'] as const),
];

/** Whether findings of this kind describe an error, rather than announce one. */
function isError(kind: Kind): boolean {
  return kind !== 'note';
}

/** @returns null if there are only notes. */
export function eventOf(findings: readonly Finding[]): HardwareEvent | null {
  const ranked = findings.toSorted((one, other) => rank(one) - rank(other));
  const source = ranked.find(({ kind }) => isError(kind))?.source;
  if (source === undefined) return null;
  const first = <T>(fact: (finding: Finding) => T | null): T | null => {
    for (const finding of ranked) {
      const value = fact(finding);
      if (value !== null) return value;
    }
    return null;
  };
  const category = first((finding) => finding.category) ?? 'others';
  const undetailed = findings.every(({ kind }) => kind === 'announcement');
  const severity = severityOf(ranked);
  const panicked = findings.some(({ kind }) => kind === 'panic');
  return {
    time: findings.reduce(
      (all, { kind, time }) => (isError(kind) ? Math.min(all, time) : all),
      Infinity,
    ),
    category,
    severity: severity ?? (undetailed ? 'corrected' : 'recoverable'),
    severityUnknown: severity === null && !undetailed,
    source,
    count: findings.reduce((all, { count }) => Math.max(all, count), 1),
    // Only a kernel that survives an error counts it.
    hwerrCategory: panicked ? null : first((finding) => finding.hwerrCategory),
    part: partOf(placeOf(ranked), category),
    detail: shownText(first((finding) => finding.detail)),
    outcome: shownText(first((finding) => finding.outcome)),
    injected: findings.some(({ injected }) => injected),
    undetailed,
  };
}

/** Ranks notes and panics below findings that describe the error. */
function rank({ kind, source }: Finding): number {
  const late = kind === 'note' ? 2 : kind === 'panic' ? 1 : 0;
  return late * SOURCES.length + SOURCES.indexOf(source);
}

/** Returns `fatal` for a panic, whatever was printed before. */
function severityOf(findings: readonly Finding[]): Severity | null {
  const worst = (some: readonly Finding[]): Severity | null =>
    some.reduce<Severity | null>((all, { severity }) => worse(all, severity), null);
  return worst(findings.filter(({ decisive }) => decisive)) ?? worst(findings);
}

function placeOf(ranked: readonly Finding[]): Place {
  return ranked.reduceRight<Place>((all, { place }) => ({ ...all, ...place }), {});
}

function partOf(place: Place, category: Category): Part | null {
  const physicalAddress =
    place.physicalAddress === undefined ? null : `0x${place.physicalAddress.toString(16)}`;
  const { cpu = null, socket = null, bank = null } = place;
  if (place.pciAddress !== undefined || place.pe !== undefined) {
    return {
      kind: 'pci',
      address: place.pciAddress ?? null,
      vendor: place.vendor ?? null,
      device: place.device ?? null,
      pe: place.pe ?? null,
      location: shownText(place.location),
    };
  }
  if (category === 'memory' && (place.label ?? place.location) !== undefined) {
    return {
      kind: 'dimm',
      label: shownText(place.label),
      location: shownText(place.location),
      physicalAddress,
      fru: shownText(place.fru),
      ...{ cpu, socket, bank },
    };
  }
  const mpidr = place.mpidr ?? null;
  const apicId = place.apicId ?? null;
  const unit = shownText(place.unit);
  if ([cpu, socket, bank, mpidr, apicId, unit].some((fact) => fact !== null)) {
    return { kind: 'cpu', cpu, socket, bank, mpidr, apicId, unit, physicalAddress };
  }
  return physicalAddress === null ? null : { kind: 'page', physicalAddress };
}
