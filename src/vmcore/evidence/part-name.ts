// Short names of parts, in the form that people search for.

import type { Part } from './hardware-event.ts';

/** @returns null if the kernel named none. */
export function partName(part: Part | null): string | null {
  switch (part?.kind) {
    case 'pci':
      return part.address ?? part.pe;
    case 'dimm':
      return part.label ?? part.location;
    case 'cpu':
      return cpuName(part);
    case 'page':
      return `page ${part.physicalAddress}`;
    case undefined:
      return null;
  }
}

/** @returns a name that parts of other hosts may share; null if there is none. */
export function sharedName(part: Part | null): string | null {
  switch (part?.kind) {
    case 'pci':
    case 'dimm':
      return partName(part);
    case 'cpu':
      return part.unit ?? (part.bank === null ? null : `bank ${part.bank}`);
    case 'page':
    case undefined:
      return null;
  }
}

function cpuName({
  cpu,
  socket,
  bank,
  mpidr,
  apicId,
  unit,
}: Extract<Part, { kind: 'cpu' }>): string | null {
  const words = [
    ...(cpu === null ? [] : [`CPU ${cpu}`]),
    ...(cpu === null && mpidr !== null ? [`MPIDR ${mpidr}`] : []),
    ...(cpu === null && mpidr === null && apicId !== null ? [`APIC ${apicId}`] : []),
    ...(socket === null ? [] : [`socket ${socket}`]),
    ...(unit === null ? [] : [unit]),
    ...(bank === null ? [] : [`bank ${bank}`]),
  ];
  return words.length === 0 ? null : words.join(' ');
}
