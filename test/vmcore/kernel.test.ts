import { describe, expect, it } from 'vitest';

import { DEFAULT_LIMITS, type Limits } from '../../src/vmcore/limits.ts';
import type { Kernel } from '../../src/vmcore/kernel.ts';
import { identifyKernel } from '../../src/vmcore/running-kernel.ts';
import { bytesSource, decodeVmcore, openVmcore } from '../../src/vmcore/index.ts';
import { ByteWriter, bytesOf, concat } from '../support/builders/bytes.ts';
import { MACHINES, type MachineName } from '../support/builders/fake-machines.ts';
import {
  NODENAME,
  RELEASE,
  elfDumpOf,
  kdumpOf,
  kernel,
  withMemory,
} from '../support/builders/kernel-builder.ts';
import { memoryDump, memoryOf } from '../support/builders/memory-dump.ts';
import { SparseMemory } from '../support/builders/sparse-memory.ts';
import { thrownBy } from '../support/system/thrown.ts';

const BUILT = kernel({ fillers: 0 });
/** A kernel that says it lies where it does not: what a hypervisor makes up (drgn#350). */
const FABRICATED = kernel({ fillers: 0, physical: 0x9000000n }).vmcoreinfo;
/** The crash kernel's own VMCOREINFO: its utsname is not at that place. */
const OTHER = kernel({ fillers: 0, release: '6.1.0-other' }).vmcoreinfo;
const EARLY = 0x10000n; // before the image, so that a scan comes to it first

function identify(memory: SparseMemory, notes: readonly string[] = [], limits?: Limits): Kernel {
  return identifyKernel(memoryDump(BUILT, memory, notes), limits ?? DEFAULT_LIMITS);
}

const textPage = (text: string): Uint8Array => new ByteWriter().text(text, 4096).toBytes();

/** The kernel's ELF note as it lies in memory. */
function notePage(text: string): Uint8Array {
  const out = new ByteWriter().u32(11).u32(text.length).u32(0).text('VMCOREINFO', 12);
  return out.text(text).padTo(4096).toBytes();
}

describe('identifyKernel with a note', () => {
  it.each(['x86_64', 'arm64'] as const)('proves the note of %s by the utsname', (machine) => {
    const built = kernel({ machine, fillers: 0 });
    const dump = memoryDump(built, memoryOf(built), [built.vmcoreinfo]);
    const found = identifyKernel(dump, DEFAULT_LIMITS);
    expect(found).toMatchObject({ foundIn: 'note', arch: { name: machine }, nodename: NODENAME });
    expect(found.vmcoreinfo.osRelease).toBe(RELEASE);
    expect(found.memory.read(found.vmcoreinfo.symbol('_stext')!, 4)).toEqual(bytesOf('text'));
  });

  it.each(['(none)', ''])(
    'names no host by what a kernel without a name says: "%s"',
    (nodename) => {
      const built = kernel({ nodename, fillers: 0 });
      const found = identifyKernel(
        memoryDump(built, memoryOf(built), [built.vmcoreinfo]),
        DEFAULT_LIMITS,
      );
      expect(found).toMatchObject({ isProven: true, nodename: undefined });
    },
  );

  it('finds the utsname of a kernel from before v5.11, whose note has no offset of its name', () => {
    const editVmcoreinfo = (text: string): string => text.replace(/^OFFSET\(uts_name.*\n/m, '');
    const old = kernel({ fillers: 0, editVmcoreinfo });
    expect(old.vmcoreinfo).not.toContain('uts_namespace');
    const found = identifyKernel(memoryDump(old, memoryOf(old), [old.vmcoreinfo]), DEFAULT_LIMITS);
    expect(found).toMatchObject({ isProven: true, nodename: NODENAME });
  });

  it('takes the note that is right when there are several', () => {
    const found = identify(memoryOf(BUILT), ['junk', FABRICATED, BUILT.vmcoreinfo]);
    expect(found.vmcoreinfo.text).toBe(BUILT.vmcoreinfo);
  });

  it('takes the text in memory when the note was made up', () => {
    const found = identify(memoryOf(BUILT), [OTHER]);
    expect(found).toMatchObject({ foundIn: 'scanned', nodename: NODENAME });
    expect(found.vmcoreinfo.osRelease).toBe(RELEASE);
  });

  it('takes the text in memory when the note leads to a page that is not in the dump', () => {
    expect(identify(memoryOf(BUILT), [FABRICATED]).vmcoreinfo.text).toBe(BUILT.vmcoreinfo);
  });

  it.each(['page_excluded', 'page_lost'] as const)(
    'takes the note unproven, without a nodename, when its utsname is %s',
    (reason) => {
      const memory = memoryOf(BUILT).drop(BUILT.at('utsname'), reason);
      const found = identify(memory, [BUILT.vmcoreinfo]);
      expect(found).toMatchObject({
        foundIn: 'note',
        nodename: undefined,
        arch: { name: 'x86_64' },
      });
    },
  );

  const NO_SEARCH = {
    findPages: (): never => {
      throw new Error('searched');
    },
  };

  it('does not search memory when the dump broke off before the utsname', () => {
    const memory = memoryOf(BUILT).drop(BUILT.at('utsname'), 'page_lost');
    expect(identify(Object.assign(memory, NO_SEARCH), [BUILT.vmcoreinfo]).foundIn).toBe('note');
  });

  it('does not search memory for a kernel that crashed and cannot prove itself by kallsyms', () => {
    const memory = memoryOf(BUILT).drop(BUILT.at('utsname'), 'page_excluded');
    const old = BUILT.vmcoreinfo.replace(/^SYMBOL\(kallsyms_.*\n/gm, '');
    const found = identify(Object.assign(memory, NO_SEARCH), [old]);
    expect(found).toMatchObject({ foundIn: 'note', isProven: false, nodename: undefined });
  });

  it('goes by the hints of the container when a key is missing', () => {
    const built = kernel({
      fillers: 0,
      editVmcoreinfo: (text) => text.replace(/NUMBER\(phys_base\).*\n/, ''),
    });
    const physBase = built.physical - (built.start - 0xffffffff80000000n);
    const hints = { physBase, ramStart: undefined, mapped: [], cpuPageTables: [] };
    const dump = { ...memoryDump(built, memoryOf(built), [built.vmcoreinfo]), hints };
    expect(identifyKernel(dump, DEFAULT_LIMITS).nodename).toBe(NODENAME);
  });
});

describe('identifyKernel without a note', () => {
  it('finds the text at the start of a page', () => {
    expect(identify(memoryOf(BUILT))).toMatchObject({ foundIn: 'scanned', nodename: NODENAME });
  });

  it("finds the kernel's own note at the start of a page", () => {
    const memory = memoryOf(BUILT).drop(BUILT.at('vmcoreinfo'));
    memory.write(EARLY, notePage(BUILT.vmcoreinfo));
    expect(identify(memory).vmcoreinfo.text).toBe(BUILT.vmcoreinfo);
  });

  it.each([
    ['names another release', textPage(OTHER)],
    ['leads nowhere', textPage(FABRICATED)],
    ['is only the key', textPage('OSRELEASE=')],
    ['lacks keys', textPage('OSRELEASE=7.3.4\n')],
    ['has no end before pages that are missing', bytesOf(`OSRELEASE=${'x'.repeat(4086)}`)],
    ['has no end in 64 KiB', bytesOf(`OSRELEASE=${'x'.repeat(70_000)}`)],
  ])('passes over a candidate that %s', (_, candidate) => {
    const found = identify(memoryOf(BUILT).write(EARLY, candidate));
    expect(found.vmcoreinfo.text).toBe(BUILT.vmcoreinfo);
  });

  it('passes over a text that does not begin a page', () => {
    const memory = memoryOf(BUILT).drop(BUILT.at('vmcoreinfo'));
    memory.write(EARLY + 8n, bytesOf(BUILT.vmcoreinfo));
    expect(thrownBy(() => identify(memory)).reason).toBe('no_vmcoreinfo');
  });

  it('reads a text that goes on in the next page', () => {
    const long = `${BUILT.vmcoreinfo}PADDING=${'x'.repeat(5000)}\nLAST=1\n`;
    const memory = memoryOf(BUILT).drop(BUILT.at('vmcoreinfo')).write(EARLY, bytesOf(long));
    expect(identify(memory).vmcoreinfo.value('LAST')).toBe('1');
  });

  it('reads a text that fills its page when the next page is missing, but for its last line', () => {
    const full = `${BUILT.vmcoreinfo}PADDING=`.padEnd(4096, 'x');
    const memory = memoryOf(BUILT).drop(BUILT.at('vmcoreinfo')).write(EARLY, bytesOf(full));
    const { vmcoreinfo } = identify(memory);
    expect(vmcoreinfo.crashTimeSeconds).toBeDefined();
    expect(vmcoreinfo.has('PADDING')).toBe(false);
  });

  it('throws PageMissing when the utsname that would prove it is not in the dump', () => {
    const memory = memoryOf(BUILT).drop(BUILT.at('utsname'), 'page_lost');
    expect(thrownBy(() => identify(memory))).toMatchObject({
      tag: 'PageMissing',
      reason: 'page_lost',
    });
  });

  it('gives up after vmcoreinfoCandidates', () => {
    const memory = memoryOf(BUILT)
      .write(EARLY, textPage(FABRICATED))
      .write(EARLY + 4096n, textPage(FABRICATED));
    const allow = (vmcoreinfoCandidates: number) => ({ ...DEFAULT_LIMITS, vmcoreinfoCandidates });
    expect(identify(memory, [], allow(3)).vmcoreinfo.osRelease).toBe(RELEASE);
    expect(() => identify(memory, [], allow(2))).toThrow('is not in this memory');
  });

  it('reads no further than vmcoreinfoBytes', () => {
    const limits = { ...DEFAULT_LIMITS, vmcoreinfoBytes: 4096 };
    const long = `${BUILT.vmcoreinfo}PADDING=${'x'.repeat(5000)}\n`;
    const memory = memoryOf(BUILT).drop(BUILT.at('vmcoreinfo')).write(EARLY, bytesOf(long));
    expect(thrownBy(() => identify(memory, [], limits)).message).toContain(
      'has no end in 4096 bytes',
    );
  });
});

describe('identifyKernel throws', () => {
  const empty = (): SparseMemory => new SparseMemory();
  const without = (pattern: RegExp): string => BUILT.vmcoreinfo.replace(pattern, '');

  it.each([
    ['no_vmcoreinfo when there is none', empty(), [], 'no_vmcoreinfo'],
    ['no_vmcoreinfo when the note is none', empty(), ['PAGESIZE=4096\n'], 'no_vmcoreinfo'],
    [
      'no_vmcoreinfo without init_uts_ns',
      empty(),
      [without(/SYMBOL\(init_uts.*\n/)],
      'no_vmcoreinfo',
    ],
    [
      'corrupt when nothing says where the kernel lies',
      empty(),
      [without(/NUMBER\(phys.*\n/)],
      'corrupt',
    ],
  ])('%s', (_, memory, notes, reason) => {
    expect(thrownBy(() => identify(memory, notes))).toMatchObject({ tag: 'Corrupt', reason });
  });

  it('Unsupported when the machine is not known', () => {
    const dump = { ...memoryDump(BUILT, memoryOf(BUILT), [BUILT.vmcoreinfo]), machine: 20 };
    expect(thrownBy(() => identifyKernel(dump, DEFAULT_LIMITS)).reason).toBe('unsupported_arch');
  });

  it('what was wrong with the first candidate when none is right', () => {
    const memory = memoryOf(BUILT).write(BUILT.at('utsname'), new Uint8Array(400));
    const error = thrownBy(() => identify(memory, [BUILT.vmcoreinfo]));
    expect(error.message).toBe(`init_uts_ns: got release "", want ${RELEASE} as in VMCOREINFO`);
  });

  it('on what is no error of the dump', () => {
    const broken = new Error('EIO');
    const memory = Object.assign(memoryOf(BUILT), {
      read: () => {
        throw broken;
      },
    });
    expect(() => identify(memory, [BUILT.vmcoreinfo])).toThrow(broken);
  });
});

describe('a utsname that a module wrote to', () => {
  const MACHINE_NAMES = Object.keys(MACHINES) as MachineName[];
  const RELEASES = ['7.3.4-test-and-more', '7', '9.9.9', ''];

  it.each(MACHINE_NAMES)('leaves the kernel of %s to be proven by kallsyms', (machine) => {
    const built = kernel({ machine, fillers: 300 });
    const uts = built.at('utsname') + 4n;
    const renamed = RELEASES.map((text) => {
      const field = concat(bytesOf(text), new Uint8Array(65 - text.length));
      return [NODENAME, withMemory(built, uts + 130n, field)] as const;
    });
    for (const [host, damaged] of renamed) {
      for (const file of [elfDumpOf(damaged), kdumpOf(damaged, { codec: 'raw' }).bytes]) {
        const found = identifyKernel(openVmcore(bytesSource(file)), DEFAULT_LIMITS);
        expect(found.vmcoreinfo.osRelease).toBe(RELEASE);
        expect(found.nodename).toBe(host);
        expect(found.doubt).toContain('want 7.3.4-test as in VMCOREINFO');
        expect(decodeVmcore(bytesSource(file)).hwerr.kind).toBe('present');
      }
    }
  });
});
