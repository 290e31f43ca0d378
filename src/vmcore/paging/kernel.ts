// Which kernel is in the dump: its VMCOREINFO, its machine, and its memory, proven against each
// other. A note may be wrong (a hypervisor made it up), or missing (the guest never told QEMU), and
// memory can hold several VMCOREINFO texts, also that of the crash kernel. The one is right whose
// own addresses lead to a utsname with the release that it names.

import { ascii, cString, hasBytesAt } from '../bytes/text.ts';
import { addVirt, hex, physAddr } from '../bytes/units.ts';
import type { Dump } from '../container/dump.ts';
import { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt, PageMissing, Unsupported, VmcoreError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Architecture } from './architecture.ts';
import { architectureOf } from './architectures.ts';
import { type Translator, VirtualMemory } from './virtual-memory.ts';

/** __NEW_UTS_LEN + 1: the width of each field of struct new_utsname. */
const UTS_FIELD = 65;
const NODENAME = 1;
const RELEASE = 2;

/** 195 random bytes have 137 different values on average, and less than 120 once in 10^5. */
const RANDOM_DISTINCT = 120;

const TEXT_START = ascii('OSRELEASE=');
/** The kernel's ELF note (kernel/vmcore_info.c vmcoreinfo_note): 11, length, 0, "VMCOREINFO". */
const NOTE_NAME = ascii('VMCOREINFO\0\0');
const NOTE_NAME_OFFSET = 12;
const NOTE_TEXT_OFFSET = 24;

export interface Kernel {
  readonly vmcoreinfo: Vmcoreinfo;
  readonly foundIn: 'note' | 'scanned';
  readonly arch: Architecture;
  readonly memory: VirtualMemory;
  /** utsname.nodename; undefined when the utsname is not in the dump, and nothing is proven yet. */
  readonly nodename: string | undefined;
}

/**
 * The kernel of the dump. Notes are tried first; memory is searched when none of them holds.
 *
 * @throws Corrupt (`no_vmcoreinfo`) when there is no VMCOREINFO, or what the first one tried lacked.
 * @throws Unsupported when it runs on a machine that is not known here, or its memory is encrypted.
 */
export function identifyKernel(dump: Dump, limits: Limits): Kernel {
  let rejected: VmcoreError | undefined;
  const attempt = (text: Uint8Array, foundIn: Kernel['foundIn']): Kernel | undefined => {
    const vmcoreinfo = Vmcoreinfo.parse(text);
    if (vmcoreinfo === undefined) return undefined;
    try {
      return proven(dump, vmcoreinfo, foundIn);
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      rejected ??= error;
      return undefined;
    }
  };
  for (const text of dump.vmcoreinfoNotes) {
    const kernel = attempt(text, 'note');
    if (kernel !== undefined) return kernel;
  }
  for (const which of ['text', 'rest'] as const) {
    let found: Kernel | undefined;
    let tried = 0;
    for (const text of scannedTexts(dump, which, limits)) {
      const kernel = attempt(text, 'scanned');
      // Of several that hold, that of the kernel that crashed: it alone has the time of the crash.
      if (kernel?.vmcoreinfo.crashTimeSeconds !== undefined) return kernel;
      found ??= kernel;
      if (++tried >= limits.vmcoreinfoCandidates) break;
    }
    if (found !== undefined) return found;
  }
  throw rejected ?? new Corrupt('no_vmcoreinfo', 'dump', 'got no VMCOREINFO in notes or memory');
}

/** @throws VmcoreError unless the utsname in memory agrees with VMCOREINFO. */
function proven(dump: Dump, vmcoreinfo: Vmcoreinfo, foundIn: Kernel['foundIn']): Kernel {
  const arch = architectureOf(dump, vmcoreinfo);
  const order = { endian: dump.order.endian, wordBits: arch.wordBits };
  let unproven: Kernel | undefined;
  let rejected: VmcoreError | undefined;
  for (const translate of translators(dump, arch, vmcoreinfo)) {
    const memory = new VirtualMemory(dump.memory, translate, order);
    const kernel = { vmcoreinfo, foundIn, arch, memory, nodename: undefined };
    try {
      return { ...kernel, nodename: provenNodename(vmcoreinfo, memory) };
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      rejected ??= error;
      // The page of a note that may well be right: kallsyms proves it or not (SYMBOL(_stext)).
      if (error instanceof PageMissing && foundIn === 'note') unproven ??= kernel;
    }
  }
  if (unproven !== undefined) return unproven;
  const lost = `does not say where the ${arch.name} kernel lies`;
  throw rejected ?? new Corrupt('corrupt', 'vmcoreinfo', lost);
}

function translators(dump: Dump, arch: Architecture, vmcoreinfo: Vmcoreinfo): Translator[] {
  if (dump.addressing === 'virtual') return [(address) => physAddr(address)];
  return arch.translators({ vmcoreinfo, hints: dump.hints, memory: dump.memory });
}

/** @throws VmcoreError unless the release in the utsname is that of VMCOREINFO. */
function provenNodename(vmcoreinfo: Vmcoreinfo, memory: VirtualMemory): string {
  const uts = readUtsname(vmcoreinfo, memory);
  const release = cString(uts.subarray(RELEASE * UTS_FIELD, (RELEASE + 1) * UTS_FIELD));
  if (release !== vmcoreinfo.osRelease) {
    if (looksEncrypted(uts)) {
      const advice = 'dump it from inside the guest, with kdump';
      throw new Unsupported(
        'encrypted',
        'init_uts_ns',
        `got what looks like ciphertext: ${advice}`,
      );
    }
    throw new Corrupt(
      'corrupt',
      'init_uts_ns',
      `got release ${JSON.stringify(release)}, want ${vmcoreinfo.osRelease} as in VMCOREINFO`,
    );
  }
  return cString(uts.subarray(NODENAME * UTS_FIELD, RELEASE * UTS_FIELD));
}

function readUtsname(vmcoreinfo: Vmcoreinfo, memory: VirtualMemory): Uint8Array {
  const namespace = vmcoreinfo.symbol('init_uts_ns');
  const offset = vmcoreinfo.offset('uts_namespace.name');
  if (namespace === undefined || offset === undefined) {
    throw new Corrupt(
      'no_vmcoreinfo',
      'vmcoreinfo',
      'want SYMBOL(init_uts_ns) and its name offset',
    );
  }
  return memory.read(addVirt(namespace, offset), (RELEASE + 1) * UTS_FIELD);
}

/**
 * Whether the utsname is the memory of a guest that hides it from its host (AMD SEV, Intel TDX): the
 * 195 bytes are then as good as random, while a real utsname is text and zeros and a wrong address
 * leads to mostly zeros or pointers.
 */
function looksEncrypted(uts: Uint8Array): boolean {
  const high = uts.filter((byte) => byte >= 0x80).length / uts.length;
  return new Set(uts).size > RANDOM_DISTINCT && high > 0.35 && high < 0.65;
}

/** VMCOREINFO texts at the start of a page: the kernel's buffer, its note, and copies of them. */
function* scannedTexts(dump: Dump, which: 'text' | 'rest', limits: Limits): Generator<Uint8Array> {
  const isNote = (head: Uint8Array): boolean =>
    hasBytesAt(head, NOTE_NAME_OFFSET, NOTE_NAME) && hasBytesAt(head, NOTE_TEXT_OFFSET, TEXT_START);
  const isText = (head: Uint8Array): boolean => hasBytesAt(head, 0, TEXT_START);
  for (const page of dump.memory.findPages(which, (head) => isText(head) || isNote(head))) {
    const head = dump.memory.read(page, NOTE_TEXT_OFFSET);
    const start = isText(head) ? page : physAddr(page + BigInt(NOTE_TEXT_OFFSET));
    yield textAt(dump, start, limits);
  }
}

/** Bytes from `start` to the first NUL, page by page, as far as they are in the dump. */
function textAt(dump: Dump, start: bigint, limits: Limits): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < limits.vmcoreinfoBytes) {
    const at = physAddr(start + BigInt(length));
    const part = dump.memory.read(at, 4096 - Number(at % 4096n));
    parts.push(part);
    length += part.length;
    if (part.includes(0)) return joined(parts, length);
  }
  throw new Corrupt('corrupt', `vmcoreinfo at ${hex(start)}`, `has no end in ${length} bytes`);
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
