// The rules that decide which findings describe the same error; merge.ts applies them.

import type { Finding, Kind } from './finding.ts';

/** A reason why a later finding describes the same error as an earlier one. */
export interface Rule {
  /** Description of what is joined. */
  readonly name: string;
  /** Returns the key under which a finding waits for a later one of the same error; null: it does not wait. */
  readonly waits: (finding: Finding, pageSize: number) => string | null;
  /** Returns the key under which a finding searches for an earlier one. */
  readonly seeks: (finding: Finding, pageSize: number) => string | null;
  /** Maximum time from the last line of the earlier finding to the first line of the later one. */
  readonly seconds: number;
  /** The earlier finding matches only once. */
  readonly once?: true;
  /** Join all matching earlier findings, not only the newest. */
  readonly all?: true;
  /** Kinds that the joined event may have several times. */
  readonly repeats?: readonly Kind[];
  readonly fits?: (earlier: Finding, later: Finding, pageSize: number) => boolean;
}

/** Messages of a memory error, each at most once. */
const OF_A_PAGE: ReadonlySet<Kind> = new Set([
  ...(['cper', 'mce', 'consumption', 'edac', 'memory-failure', 'soft-offline', 'note'] as const),
]);

const caller = (finding: Finding): string => finding.caller ?? '';
const when = (condition: boolean, key: string | null): string | null => (condition ? key : null);

/** Returns the page frame; null without an address. */
function page({ place }: Finding, pageSize: number): string | null {
  const { physicalAddress } = place;
  return physicalAddress === undefined ? null : String(physicalAddress / BigInt(pageSize));
}

function samePage(one: Finding, other: Finding, pageSize: number): boolean {
  const [first, second] = [page(one, pageSize), page(other, pageSize)];
  return first === null || second === null || first === second;
}

function pageMessage(finding: Finding, pageSize: number): string | null {
  return OF_A_PAGE.has(finding.kind) ? page(finding, pageSize) : null;
}

export const RULES: readonly Rule[] = [
  {
    name: 'sections of one record that name the same part',
    waits: ({ kind, link }) => when(kind === 'cper', link),
    seeks: ({ kind, link }) => when(kind === 'cper', link),
    seconds: Infinity,
    repeats: ['cper'],
    fits: (one, other) => sameCategory(one, other) && samePlace(one, other),
  },
  {
    name: 'an exception of a CPU that was printed twice',
    waits: exceptionIdentity,
    seeks: exceptionIdentity,
    seconds: 1,
    repeats: ['mce', 'consumption', 'other'],
  },
  {
    name: 'a machine check and who made it up',
    waits: ({ kind, source, injected, place }) =>
      when(kind === 'note' && source === 'mce' && injected, String(place.cpu)),
    seeks: ({ kind, place }) => when(isMachineCheck(kind), String(place.cpu)),
    seconds: 5,
  },
  {
    name: 'CPUs that did not answer to a machine check',
    waits: (finding) => when(finding.kind === 'holdouts' || isUncorrected(finding), ''),
    seeks: ({ kind }) => when(kind === 'holdouts', ''),
    seconds: 2,
    repeats: ['holdouts'],
  },
  {
    name: 'a machine check and the DIMM that EDAC finds for it',
    waits: (finding) => when(finding.kind === 'mce', caller(finding)),
    seeks: (finding) => when(finding.kind === 'edac', caller(finding)),
    seconds: 0.1,
    once: true,
    fits: samePage,
  },
  {
    // Before v4.11 drivers polled for it once a second.
    name: 'a machine check that an EDAC driver took and the DIMM that it finds for it',
    waits: ({ kind, link }) => when(kind === 'mce' && link === 'edac', ''),
    seeks: ({ kind }) => when(kind === 'edac', ''),
    seconds: 2,
    once: true,
    fits: samePage,
  },
  {
    name: 'a firmware record that ghes_edac printed first',
    waits: ({ kind, link }) => when(kind === 'edac' && link === 'firmware', ''),
    seeks: (finding) => when(finding.kind === 'cper' && finding.category === 'memory', ''),
    seconds: 1,
    once: true,
    fits: samePage,
  },
  {
    name: 'a firmware record and the machine check made of it',
    waits: (finding) => when(isFirmwareRecord(finding), ''),
    seeks: (finding) => when(isFirmwareRecord(finding), ''),
    seconds: 2,
    fits: (one, other, pageSize) => one.kind !== other.kind && samePage(one, other, pageSize),
  },
  {
    name: 'an announcement of an error that a page has had already',
    waits: ({ kind }) => when(kind === 'announcement', ''),
    seeks: ({ kind, source }) => when(kind === 'note' && source === 'memory-failure', ''),
    seconds: 2,
    once: true,
  },
  {
    name: 'messages about one page',
    waits: pageMessage,
    seeks: pageMessage,
    seconds: 10,
    repeats: ['announcement', 'consumption'],
    // The page is handled after the error was printed, or at most a moment before.
    fits: (one, other) =>
      !isCorrectedBefore(one, other) &&
      (one.kind !== 'memory-failure' || other.kind === 'note' || other.time - one.lastTime <= 1),
  },
  {
    name: 'a page and the uncorrected error without address that it was taken for',
    waits: (finding) => when(finding.kind === 'memory-failure' || isUnaddressed(finding), ''),
    seeks: (finding) => when(finding.kind === 'memory-failure' || isUnaddressed(finding), ''),
    seconds: 0.1,
    once: true,
    fits: (one, other) => one.kind !== other.kind,
  },
  {
    name: 'an announcement and what it announced',
    waits: ({ kind }) => when(kind === 'announcement' || kind === 'holdouts', ''),
    seeks: (finding) => when(isAnnounced(finding), ''),
    seconds: 2,
    once: true,
    all: true,
    repeats: ['announcement', 'holdouts'],
    fits: (one, other) => one.kind === 'announcement' || other.severity !== 'corrected',
  },
  {
    name: 'firmware whose record was printed before the kernel was done with it',
    waits: (finding) => when(isFirmwareRecord(finding), ''),
    seeks: ({ kind }) => when(kind === 'announcement', ''),
    seconds: 2,
    once: true,
    repeats: ['announcement'],
  },
  {
    name: 'a firmware record of PCIe and the registers that came with it',
    waits: ({ kind, place }) => (kind === 'cper' ? (place.pciAddress ?? null) : null),
    seeks: ({ kind, place }) => (kind === 'aer-firmware' ? (place.pciAddress ?? null) : null),
    seconds: 10,
    once: true,
  },
  {
    name: 'registers of firmware of which the first lines are gone',
    waits: ({ kind, decisive, link }) => (kind === 'aer' && !decisive ? link : null),
    seeks: ({ kind, place }) => (kind === 'aer-firmware' ? (place.pciAddress ?? null) : null),
    seconds: 1,
    once: true,
  },
  {
    name: 'a contained port and the error that it had',
    waits: ({ kind, link }) => (kind === 'dpc' ? link : null),
    seeks: ({ kind, link }) => (kind === 'aer' ? link : null),
    seconds: 1,
    once: true,
  },
  {
    name: 'an error of a device and what its driver made of it',
    waits: ({ kind, place }) => (kind === 'aer' ? (place.pciAddress ?? null) : null),
    seeks: ({ kind, place }) => (kind === 'note' ? (place.pciAddress ?? null) : null),
    seconds: 10,
  },
  {
    name: 'a panic and the error that it is of',
    waits: ({ kind, source, secondary, previousBoot }) =>
      kind === 'note' || kind === 'soft-offline' || secondary || previousBoot ? null : source,
    seeks: ({ kind, source, severity }) =>
      kind === 'panic' || (kind === 'note' && severity === 'fatal') ? source : null,
    seconds: 2,
    repeats: ['panic', 'announcement'],
  },
];

/** Whether it is firmware's: its record, or the machine check of bank 255 (arch/x86/kernel/cpu/mce/apei.c). */
function isFirmwareRecord({ kind, link, category }: Finding): boolean {
  return (kind === 'cper' && category === 'memory') || (kind === 'mce' && link === 'firmware');
}

/** Returns a key of a machine check or SError with enough information: its CPU and state. */
function exceptionIdentity({ kind, link, previousBoot }: Finding): string | null {
  const isException = (isMachineCheck(kind) || kind === 'other') && !previousBoot;
  return when(isException && link?.includes('/') === true, link);
}

function isMachineCheck(kind: Kind): boolean {
  return kind === 'mce' || kind === 'consumption';
}

function isUncorrected({ kind, severity }: Finding): boolean {
  return isMachineCheck(kind) && severity !== null && severity !== 'corrected';
}

/** A corrected machine check is unrelated to bad data that a CPU reads from the page later. */
function isCorrectedBefore(one: Finding, other: Finding): boolean {
  return one.kind === 'mce' && one.severity === 'corrected' && other.kind === 'consumption';
}

function isUnaddressed({ kind, severity, place }: Finding): boolean {
  return kind === 'edac' && severity === 'recoverable' && place.physicalAddress === undefined;
}

function isAnnounced(finding: Finding): boolean {
  switch (finding.kind) {
    case 'mce':
    case 'consumption':
    case 'edac':
    case 'memory-failure':
    case 'soft-offline':
    case 'holdouts':
      return true;
    case 'cper':
      return finding.category === 'memory';
    case 'panic':
      return finding.source === 'mce';
    case 'announcement':
    case 'note':
    case 'aer':
    case 'aer-firmware':
    case 'dpc':
    case 'other':
      return false;
  }
}

/** Whether the categories agree or one is unknown, because its line may be missing. */
function sameCategory({ category: one }: Finding, { category: other }: Finding): boolean {
  return one === other || one === null || other === null;
}

/** Whether everything that both name is equal. */
function samePlace({ place: one }: Finding, { place: other }: Finding): boolean {
  const names = ['physicalAddress', 'pciAddress', 'label', 'mpidr', 'apicId'] as const;
  const differs = names.some(
    (name) => one[name] !== undefined && other[name] !== undefined && one[name] !== other[name],
  );
  // One section may have only `node:1` of the other's full location.
  const [short = '', long = ''] = [one.location, other.location].toSorted(
    (a, b) => (a?.length ?? 0) - (b?.length ?? 0),
  );
  return !differs && long.startsWith(short);
}
