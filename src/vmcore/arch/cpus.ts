// Determines which kernel the CPUs ran, by the page tables in use.

import type { VirtAddr, PhysAddr } from '../bytes/units.ts';
import { PageMissing, VmcoreError } from '../errors.ts';
import type { Architecture, TranslatedDump } from './architecture.ts';

/**
 * Whether a CPU's page tables map an address of the kernel to where that kernel is loaded: the tables of
 * every process contain the kernel's mapping.
 *
 * @param address of the kernel's text, which is loaded at `place`.
 * @returns undefined if the dump does not have the CPUs' page tables.
 */
export function isMappedByCpus(
  dump: TranslatedDump,
  { cpuTranslators }: Architecture,
  address: VirtAddr,
  place: PhysAddr,
): boolean | undefined {
  const { cpuPageTables } = dump.hints;
  if (cpuTranslators === undefined || cpuPageTables.length === 0) return undefined;
  let isMissing = false;
  for (const root of cpuPageTables) {
    for (const translate of cpuTranslators(dump, root)) {
      try {
        if (translate(address) === place) return true;
      } catch (error) {
        if (!(error instanceof VmcoreError)) throw error;
        isMissing ||= error instanceof PageMissing;
      }
    }
  }
  return isMissing ? undefined : false;
}
