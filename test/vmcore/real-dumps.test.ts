/**
 * Dumps of real kernels say what is known of them (test/fixtures, ../shared/vmcores/expected.json), and
 * say the same when their memory is put into every other container.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { type PhysAddr, physAddr } from '../../src/vmcore/bytes/units.ts';
import { cString } from '../../src/vmcore/bytes/text.ts';
import type { Dump } from '../../src/vmcore/container/dump.ts';
import { openDump } from '../../src/vmcore/container/open.ts';
import { PageMissing } from '../../src/vmcore/errors.ts';
import {
  type CrashReport,
  type SymbolFile,
  bytesSource,
  decodeVmcore,
} from '../../src/vmcore/index.ts';
import { DEFAULT_LIMITS } from '../../src/vmcore/limits.ts';
import { elfCore } from '../support/elf-core-builder.ts';
import { fixture, fixtureReport } from '../support/fixtures.ts';
import { flatten } from '../support/flattened-builder.ts';
import { type KdumpCodec, kdump } from '../support/kdump-builder.ts';
import { type KnownAnswer, knownAnswers, knownReport } from '../support/known-answers.ts';
import { kernelNotes } from '../support/notes-builder.ts';
import { sharedVmcores } from '../support/samples.ts';

const shared = sharedVmcores();
const PAGE = 4096;

function bytesOf(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}

/** The System.maps beside the shared dumps: for kernels that keep no data symbols. */
function symbolFiles(): SymbolFile[] {
  const folder = join(shared ?? '', 'symbols');
  return readdirSync(folder).map((name) => ({
    name,
    source: bytesSource(bytesOf(join(folder, name))),
  }));
}

function decode(bytes: Uint8Array, withSymbols = false): CrashReport {
  return decodeVmcore(bytesSource(bytes), withSymbols ? { symbolFiles } : {});
}

describe('committed dumps', () => {
  const names = readdirSync(fixture('.'))
    .filter((name) => name.endsWith('.report.json'))
    .map((name) => name.replace('.report.json', ''));

  it.each(names)('%s says what is known of it', (name) => {
    expect(decode(bytesOf(fixture(name)))).toMatchObject(fixtureReport(name));
  });
});

const answers = shared === undefined ? [] : knownAnswers(shared);

describe.skipIf(shared === undefined)('shared dumps', () => {
  it.each(answers.map((answer) => [title(answer), answer] as const))(
    '%s says what is known of it',
    (_, answer) => {
      const report = decode(bytesOf(join(shared ?? '', answer.file)), answer.args !== undefined);
      expect(report).toMatchObject(knownReport(answer));
      expect(report.panicMessage ?? '').toContain(answer.panic ?? '');
    },
  );
});

function title({ file, args }: KnownAnswer): string {
  return args ? `${file} with symbols` : file;
}

/** Memory of a real kernel, out of an ELF core. */
interface Memory {
  readonly name: string;
  readonly dump: Dump;
  /** Its pages, by address. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
  readonly report: CrashReport;
  /** utsname.machine */
  readonly machine: string;
}

const MACHINES: Readonly<Record<string, string>> = {
  arm64: 'aarch64',
  ppc64le: 'ppc64le',
  arm32: 'armv7l',
};

function memoryOf(path: string, withSymbols: boolean): Memory {
  const bytes = bytesOf(path);
  const report = decode(bytes, withSymbols);
  const cost = { pages: 0, logPages: 0, heads: 0, reads: 0, bytesRead: 0 };
  const dump = openDump([bytesSource(bytes)], cost, DEFAULT_LIMITS);
  const pages = new Map<number, Uint8Array>();
  for (const address of dump.memory.findPages('text', () => true)) {
    const page = wholePage(dump, address);
    if (page !== undefined) pages.set(Number(address), page);
  }
  const machine = MACHINES[report.arch] ?? report.arch;
  return { name: report.arch, dump, pages, report, machine };
}

function wholePage(dump: Dump, address: PhysAddr): Uint8Array | undefined {
  try {
    return dump.memory.read(physAddr(address), PAGE);
  } catch (error) {
    if (error instanceof PageMissing) return undefined;
    throw error;
  }
}

function notesOf({ dump }: Memory): Uint8Array | undefined {
  const [text] = dump.vmcoreinfoNotes;
  return text && kernelNotes(cString(text), dump.order);
}

function asKdump(memory: Memory, codec: KdumpCodec): Uint8Array {
  const { dump, machine, pages } = memory;
  const notes = notesOf(memory);
  // ARM's page frames are counted from the start of its memory.
  const start = dump.order.wordBits === 32 ? Number(dump.hints.ramStart) & ~0xfffffff : 0;
  const numbered = new Map([...pages].map(([at, page]) => [(at - start) / PAGE, page] as const));
  return kdump({
    order: dump.order,
    machine,
    padded: dump.order.wordBits === 32,
    physBase: start,
    pages: numbered,
    codec,
    ...(notes && { notes }),
  }).bytes;
}

function asElf(memory: Memory): Uint8Array {
  const { dump, pages } = memory;
  const notes = notesOf(memory);
  return elfCore({
    order: dump.order,
    machine: Number(dump.machine),
    segments: [...pages].map(([physical, bytes]) => ({ physical, bytes })),
    ...(notes && { notes }),
  });
}

const FORMS: readonly (readonly [name: string, (memory: Memory) => Uint8Array])[] = [
  ['kdump raw', (memory) => asKdump(memory, 'raw')],
  ['kdump zlib', (memory) => asKdump(memory, 'zlib')],
  ['kdump lzo', (memory) => asKdump(memory, 'lzo')],
  ['kdump zstd', (memory) => asKdump(memory, 'zstd')],
  ['flattened kdump', (memory) => flatten(asKdump(memory, 'zlib'))],
  ['flattened kdump zstd', (memory) => flatten(asKdump(memory, 'zstd'))],
  ['flattened elf', (memory) => flatten(asElf(memory))],
];

const memories = [
  memoryOf(fixture('x86_64-7.3.4.elf'), false),
  memoryOf(fixture('arm64-7.3.4.elf'), false),
  ...answers
    .filter(({ file, hwerr }) => file.endsWith('-7.2.13.elf') && !('kind' in hwerr))
    .map(({ file, args }) => memoryOf(join(shared ?? '', file), args !== undefined)),
];

describe.each(memories)('memory of a real $name kernel', (memory) => {
  it.each(FORMS)('says the same as %s', (_, form) => {
    const { hwerr, kernelRelease, nodename, bootId, arch } = memory.report;
    expect(hwerr.kind).toBe('present');
    const report = decode(form(memory), memory.report.symbolSource === 'system-map');
    expect(report).toMatchObject({ hwerr, kernelRelease, nodename, bootId, arch });
  });
});

it.skipIf(shared === undefined)('the memory of seven architectures is there', () => {
  expect(memories).toHaveLength(7);
});
