// Which crash a report is of, by content alone. Two marks: the boot id, and a digest of VMCOREINFO.
//
// Files of one crash need not carry the same marks: a dump that broke off lost the page of the boot id
// and often the host's name, a copy found in memory is padded otherwise than the note. So the digest
// is of the set of VMCOREINFO's lines (which hold the time of the crash and, with KASLR, the kernel's
// random place), and a mark that is missing on one side contradicts nothing. Marks that are there on
// both sides and differ are two crashes: hosts with one kernel image and no KASLR may die in the same
// second, and then only the names of the hosts tell them apart.

import { hash } from 'node:crypto';
import type { CrashReport } from '../vmcore/index.ts';
import type { Crash } from './crash.ts';

/** The name of a crash that is new to the ledger. */
export function newCrashId(report: CrashReport): string {
  return report.bootId ?? sha256(`${report.vmcoreinfoDigest}\0${report.nodename ?? ''}`);
}

/**
 * The crash among `candidates`, all of the report's digest, that the report is of.
 *
 * One whose host is named alike comes before one that does not know its host. Where several are left,
 * the first: a report that could be of two known crashes must not become a third.
 */
export function sameCrash(
  { bootId, nodename }: CrashReport,
  candidates: readonly Crash[],
): Crash | undefined {
  const possible = candidates.filter(({ report: known }) => {
    if (bootId !== null && known.bootId !== null) return known.bootId === bootId;
    return nodename === null || known.nodename === null || nodename === known.nodename;
  });
  return possible.find(({ report: known }) => known.nodename === nodename) ?? possible[0];
}

export function sha256(text: string): string {
  return hash('sha256', text);
}
