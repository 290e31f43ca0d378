// Identifies the kernel in the dump: proves its VMCOREINFO, its machine and its memory against each other. A
// note may be wrong (made up by a hypervisor) or missing (the guest never gave it to QEMU), and memory may
// contain several VMCOREINFO texts, including that of the crash kernel. The right one is the text whose own
// addresses lead to a utsname with the release that it names.

import { ascii, cString, hasBytesAt } from './bytes/text.ts';
import { type PhysAddr, addVirt, hex, physAddr } from './bytes/units.ts';
import type { Dump } from './container/dump.ts';
import { Vmcoreinfo } from './container/vmcoreinfo.ts';
import { Corrupt, PageMissing, Unsupported, VmcoreError, orElse } from './errors.ts';
import type { Limits } from './limits.ts';
import type { Architecture } from './arch/architecture.ts';
import { architecturesOf } from './arch/architectures.ts';
import { isMappedByCpus } from './arch/cpus.ts';
import { type Translator, VirtualMemory } from './memory/virtual-memory.ts';
import { Kallsyms } from './symbols/kallsyms.ts';

/** __NEW_UTS_LEN + 1: size of each field of struct new_utsname, bytes. */
const UTS_FIELD = 65;
/**
 * Offset of the name in struct uts_namespace if VMCOREINFO does not have it: after a 32-bit counter on every
 * machine. VMCOREINFO has it since it was moved: ca4a9241cc5e ("kdump: append uts_namespace.name offset to
 * VMCOREINFO") (in v5.11).
 */
const OLD_NAME_OFFSET = 4;
/** The nodename of a kernel before it is set: UTS_NODENAME (include/linux/uts.h). */
const UNNAMED = '(none)';
const SYSNAME = 0;
const NODENAME = 1;
const RELEASE = 2;

/** 195 random bytes have 137 different values on average, and fewer than 120 once in 10^5. */
const RANDOM_DISTINCT = 120;

const TEXT_START = ascii('OSRELEASE=');
/** The kernel's ELF note (kernel/vmcore_info.c vmcoreinfo_note): 11, length, 0, "VMCOREINFO". */
const NOTE_NAME = ascii('VMCOREINFO\0\0');
const NOTE_NAME_OFFSET = 12;
const NOTE_TEXT_OFFSET = 24;

/** A kernel in the dump: its VMCOREINFO, and its memory through the proven address translation. */
export interface Kernel {
  readonly vmcoreinfo: Vmcoreinfo;
  readonly foundIn: 'note' | 'scanned';
  readonly arch: Architecture;
  readonly memory: VirtualMemory;
  /** Whether the utsname in memory agrees with VMCOREINFO; if not, kallsyms must prove it. */
  readonly isProven: boolean;
  /**
   * utsname.nodename from memory, else from the dump's header; undefined if neither has it or it was never
   * set.
   */
  readonly nodename: string | undefined;
  /** Whether the page with its utsname was lost, rather than filtered out. */
  readonly isCut?: boolean;
  /** A contradiction that nothing resolves; undefined: none. */
  readonly doubt?: string;
}

/**
 * Returns the kernels that the dump may be of; only one if a note identifies it. Tries notes first, and
 * searches memory if none of them can be proven.
 *
 * @throws Corrupt (`no_vmcoreinfo`; `truncated` if part of the dump is missing) if there is no VMCOREINFO, or
 *   the first candidate's error.
 * @throws Unsupported if the machine is not supported or its memory is encrypted.
 */
export function kernelsIn(dump: Dump, limits: Limits): readonly [Kernel, ...Kernel[]] {
  let rejected: VmcoreError | undefined;
  /** Kernels of notes whose utsname is missing; `missing` is the reason for the first of them. */
  const unproven: Kernel[] = [];
  let missing: PageMissing['reason'] | undefined;
  const reject = (error: unknown, kernel?: Kernel): undefined => {
    if (!(error instanceof VmcoreError)) throw error;
    rejected ??= error;
    if (kernel?.foundIn === 'note' && error instanceof PageMissing) {
      unproven.push({ ...kernel, isCut: error.reason === 'page_lost' });
      missing ??= error.reason;
    }
  };
  /** Kernels whose utsname has another release, which a module may have written. */
  const renamed: RenamedKernel[] = [];
  const attempt: Attempt = (read, foundIn) => {
    try {
      const vmcoreinfo = Vmcoreinfo.parse(read());
      const kernels = vmcoreinfo === undefined ? [] : kernelsOf(dump, vmcoreinfo, foundIn);
      for (const kernel of kernels) {
        try {
          const { nodename, release } = readUtsname(kernel);
          const named: Kernel = { ...kernel, isProven: true, nodename };
          if (release === kernel.vmcoreinfo.osRelease) return named;
          const error = otherRelease(release, kernel.vmcoreinfo);
          renamed.push({ ...named, doubt: error.message });
          reject(error);
        } catch (error) {
          reject(error, kernel);
        }
      }
    } catch (error) {
      reject(error);
    }
    return undefined;
  };
  /** A kernel of a note that had been replaced by another when the dump was made. */
  let stale: Kernel | undefined;
  for (const text of dump.vmcoreinfoNotes) {
    const kernel = attempt(() => text, 'note');
    if (kernel === undefined) continue;
    // The report is about the kernel that crashed, whichever kernel saved its memory.
    if (hasCrashed(kernel) || isRunning(dump, kernel) !== false) return [kernel];
    stale ??= kernel;
  }
  // Without its utsname a note may still be right: kallsyms decides (SYMBOL(_stext)). It may also be wrong
  // about the kernel's address, so memory is searched too, unless the dump is truncated.
  const proven = believed(unproven, limits);
  if (proven !== undefined) return [proven];
  // On a machine with several possible load addresses there may be no page at a wrong one.
  if (missing === 'page_lost' && unproven[0] !== undefined) {
    return [provenOf(renamed, limits) ?? unproven[0]];
  }
  for (const which of ['text', 'rest'] as const) {
    const [first, ...others] = foundInMemory(dump, which, limits, attempt).filter(
      ({ vmcoreinfo }) => vmcoreinfo.text !== stale?.vmcoreinfo.text,
    );
    if (first === undefined) continue;
    return stale === undefined ? [first, ...others] : [first, ...others, stale];
  }
  if (stale !== undefined) return [stale];
  const other = provenOf(renamed, limits) ?? unproven[0];
  if (other !== undefined) return [other];
  const reason = dump.incomplete ? 'truncated' : 'no_vmcoreinfo';
  throw rejected ?? new Corrupt(reason, 'dump', 'got no VMCOREINFO in notes or memory');
}

/** Returns the first kernel without a utsname that is proven otherwise. */
function believed(unproven: readonly Kernel[], limits: Limits): Kernel | undefined {
  return (
    unproven.find((kernel) => proofByKallsyms(kernel, limits)) ??
    // Kernels before v6.0 lack this proof, but a VMCOREINFO with a crash time was not made up.
    unproven.find((kernel) => hasCrashed(kernel) && !kernel.vmcoreinfo.symbol('kallsyms_names'))
  );
}

/** Returns the kernel of a VMCOREINFO text; undefined if there is none or it is disproved. */
type Attempt = (read: () => Uint8Array, foundIn: Kernel['foundIn']) => Kernel | undefined;

/** Returns the kernels whose VMCOREINFO texts are in memory, with one text each. */
function foundInMemory(
  dump: Dump,
  which: 'text' | 'rest',
  limits: Limits,
  attempt: Attempt,
): Kernel[] {
  const found = new Map<PhysAddr | undefined, Kernel>();
  let tried = 0;
  for (const page of candidatePages(dump, which)) {
    const kernel = attempt(() => textIn(dump, page, limits), 'scanned');
    const known = kernel && found.get(placeOf(kernel));
    if (kernel !== undefined && (known === undefined || saysMore(kernel, known))) {
      found.set(placeOf(kernel), kernel);
    }
    if (++tried >= limits.vmcoreinfoCandidates) break;
  }
  return [...found.values()];
}

/** Physical address of the utsname, which shows whether two texts are of the same kernel. */
function placeOf({ vmcoreinfo, memory }: Kernel): PhysAddr | undefined {
  const namespace = vmcoreinfo.symbol('init_uts_ns');
  return namespace && memory.place(namespace);
}

/** Whether the first text is preferable: that of a later crash, otherwise the longer one. */
function saysMore({ vmcoreinfo }: Kernel, { vmcoreinfo: known }: Kernel): boolean {
  const [crash, before] = [vmcoreinfo, known].map((text) => text.crashTimeSeconds ?? 0);
  if (crash !== before) return Number(crash) > Number(before);
  return vmcoreinfo.text.length > known.text.length;
}

type RenamedKernel = Kernel & { readonly doubt: string };

/** Returns the first kernel that kallsyms proves; without doubt if its banner has the release of VMCOREINFO. */
function provenOf(renamed: readonly RenamedKernel[], limits: Limits): Kernel | undefined {
  for (const { doubt, ...kernel } of renamed) {
    const proof = proofByKallsyms(kernel, limits);
    if (proof === 'banner') return kernel;
    if (proof === 'symbols') return { ...kernel, doubt };
  }
  return undefined;
}

/** Whether VMCOREINFO has the time of a crash. */
export function hasCrashed({ vmcoreinfo }: Kernel): boolean {
  return vmcoreinfo.crashTimeSeconds !== undefined;
}

/** Whether a CPU ran this kernel; undefined if the dump does not show it. */
export function isRunning(dump: Dump, { vmcoreinfo, arch, memory }: Kernel): boolean | undefined {
  const text = vmcoreinfo.symbol('_stext');
  const place = text && memory.place(text);
  if (text === undefined || place === undefined) return undefined;
  const translated = { vmcoreinfo, hints: dump.hints, memory: dump.memory };
  return isMappedByCpus(translated, arch, text, place);
}

/** Returns the kernels whose symbols and banner agree with their VMCOREINFO. */
export function provenByKallsyms(kernels: readonly Kernel[], limits: Limits): Kernel[] {
  return kernels.filter((kernel) => proofByKallsyms(kernel, limits) !== undefined);
}

/**
 * Proves the kernel: kallsyms has _stext at the address in VMCOREINFO and, if the dump has the banner, that
 * has the release of VMCOREINFO. It reads about 30 pages, while searching memory takes minutes.
 *
 * @returns undefined if they contradict VMCOREINFO.
 */
function proofByKallsyms(
  { vmcoreinfo, memory }: Kernel,
  limits: Limits,
): 'banner' | 'symbols' | undefined {
  return orElse(() => {
    const kallsyms = Kallsyms.open(vmcoreinfo, memory, limits);
    const wanted = ascii(`Linux version ${vmcoreinfo.osRelease} `);
    const banner = bannerOf(kallsyms, memory, wanted.length);
    if (banner === undefined) return 'symbols';
    return hasBytesAt(banner, 0, wanted) ? 'banner' : undefined;
  }, undefined);
}

/** Returns linux_banner (init/version.c); undefined if kallsyms lacks data symbols or the page is missing. */
function bannerOf(
  kallsyms: Kallsyms,
  memory: VirtualMemory,
  length: number,
): Uint8Array | undefined {
  try {
    const symbol = kallsyms.find('linux_banner');
    return symbol && memory.read(symbol.address, length);
  } catch (error) {
    if (error instanceof PageMissing) return undefined;
    throw error;
  }
}

/**
 * Returns the kernel of a VMCOREINFO, once for each address at which it may be loaded.
 *
 * @throws VmcoreError if VMCOREINFO does not identify the machine.
 */
function kernelsOf(dump: Dump, vmcoreinfo: Vmcoreinfo, foundIn: Kernel['foundIn']): Kernel[] {
  const archs = architecturesOf(dump, vmcoreinfo);
  const nodename = headerNodename(dump, vmcoreinfo);
  const kernels = archs.flatMap((arch) => {
    const order = { endian: dump.order.endian, wordBits: arch.wordBits };
    return translators(dump, arch, vmcoreinfo).map((translate): Kernel => {
      const memory = new VirtualMemory(dump.memory, translate, order);
      return { vmcoreinfo, foundIn, arch, memory, isProven: false, nodename };
    });
  });
  if (kernels.length > 0) return kernels;
  const names = archs.map(({ name }) => name).join(' or ');
  const reason = dump.incomplete ? 'truncated' : 'corrupt';
  throw new Corrupt(reason, 'vmcoreinfo', `does not say where the ${names} kernel lies`);
}

/** makedumpfile copies the utsname of the dumped kernel into its header; QEMU leaves it empty. */
function headerNodename({ utsname }: Dump, { osRelease }: Vmcoreinfo): string | undefined {
  const [sysname, nodename, release] = utsname;
  if (sysname === '' || release !== osRelease) return undefined;
  return hostNamed(nodename);
}

function translators(dump: Dump, arch: Architecture, vmcoreinfo: Vmcoreinfo): Translator[] {
  if (dump.addressing === 'virtual') return [(address) => physAddr(address)];
  return arch.translators({ vmcoreinfo, hints: dump.hints, memory: dump.memory });
}

/** Returns undefined if the host name was never set. */
function hostNamed(nodename: string | undefined): string | undefined {
  return nodename === '' || nodename === UNNAMED ? undefined : nodename;
}

interface Utsname {
  readonly nodename: string | undefined;
  readonly release: string;
}

/**
 * Reads the utsname in memory, and checks that it is one.
 *
 * @throws PageMissing if it is not in the dump, Unsupported if its memory is encrypted, Corrupt if VMCOREINFO
 *   lacks its address.
 */
function readUtsname({ vmcoreinfo, memory }: Kernel): Utsname {
  const namespace = vmcoreinfo.symbol('init_uts_ns');
  const offset = vmcoreinfo.offset('uts_namespace.name') ?? OLD_NAME_OFFSET;
  if (namespace === undefined) {
    throw new Corrupt('no_vmcoreinfo', 'vmcoreinfo', 'want SYMBOL(init_uts_ns)');
  }
  const address = addVirt(namespace, offset);
  const uts = memory.read(address, (RELEASE + 1) * UTS_FIELD);
  const field = (i: number): string => cString(uts.subarray(i * UTS_FIELD, (i + 1) * UTS_FIELD));
  if (field(RELEASE) !== vmcoreinfo.osRelease && looksEncrypted(uts)) {
    const advice = 'dump it from inside the guest, with kdump';
    throw new Unsupported('encrypted', 'init_uts_ns', `got what looks like ciphertext: ${advice}`);
  }
  for (const name of [SYSNAME, RELEASE]) {
    if (field(name) !== '') continue;
    memory.requireWritten(addVirt(address, name * UTS_FIELD), UTS_FIELD, 'init_uts_ns');
  }
  if (field(SYSNAME) !== 'Linux') throw otherRelease(field(RELEASE), vmcoreinfo);
  return { nodename: hostNamed(field(NODENAME)), release: field(RELEASE) };
}

function otherRelease(release: string, { osRelease }: Vmcoreinfo): Corrupt {
  const detail = `got release ${JSON.stringify(release)}, want ${osRelease} as in VMCOREINFO`;
  return new Corrupt('corrupt', 'init_uts_ns', detail);
}

/**
 * Whether the utsname looks like encrypted memory of a confidential guest (AMD SEV, Intel TDX): its 195 bytes
 * are then effectively random, while a real utsname is text and zeros, and a wrong address leads mostly to
 * zeros or pointers.
 */
function looksEncrypted(uts: Uint8Array): boolean {
  const high = uts.filter((byte) => byte >= 0x80).length / uts.length;
  return new Set(uts).size > RANDOM_DISTINCT && high > 0.35 && high < 0.65;
}

/** Returns pages that begin with VMCOREINFO: the kernel's buffer, its note, and copies. */
function candidatePages(dump: Dump, which: 'text' | 'rest'): Iterable<PhysAddr> {
  return dump.memory.findPages(which, (head) => isText(head) || isNote(head));
}

function isText(head: Uint8Array): boolean {
  return hasBytesAt(head, 0, TEXT_START);
}

function isNote(head: Uint8Array): boolean {
  return (
    hasBytesAt(head, NOTE_NAME_OFFSET, NOTE_NAME) && hasBytesAt(head, NOTE_TEXT_OFFSET, TEXT_START)
  );
}

/** Returns the text that begins in the page, up to its first NUL or the first missing page. */
function textIn(dump: Dump, page: PhysAddr, limits: Limits): Uint8Array {
  const head = dump.memory.read(page, NOTE_TEXT_OFFSET);
  const start = isText(head) ? page : physAddr(page + BigInt(NOTE_TEXT_OFFSET));
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < limits.vmcoreinfoBytes) {
    const part = restOfPage(dump, physAddr(start + BigInt(length)));
    if (part === undefined) return joined(parts, length);
    parts.push(part);
    length += part.length;
    if (part.includes(0)) return joined(parts, length);
  }
  throw new Corrupt('corrupt', `vmcoreinfo at ${hex(start)}`, `has no end in ${length} bytes`);
}

function restOfPage(dump: Dump, address: PhysAddr): Uint8Array | undefined {
  try {
    return dump.memory.read(address, 4096 - Number(address % 4096n));
  } catch (error) {
    if (error instanceof PageMissing) return undefined;
    throw error;
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
