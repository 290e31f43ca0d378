// Which kernel the CPUs ran, by the page tables that they had in use.

import type { VirtAddr, PhysAddr } from '../bytes/units.ts';
import { PageMissing, VmcoreError } from '../errors.ts';
import type { Architecture, TranslatedDump } from './architecture.ts';

/**
 * Whether a CPU's page tables map an address of the kernel to the place where that kernel lies: every
 * process has the kernel's mapping in its own tables.
 *
 * @param address of the kernel's text, which lies at `place`.
 * @returns undefined when the dump does not say which tables the CPUs used, or they are not in it.
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
