// An Arm server with UEFI and ACPI, whose firmware tells the kernel of errors (APEI).

import { type SectionName, type Severity, addressOf, firmwareRecord } from './firmware-record.ts';
import { FORGERY } from './forgery.ts';
import type { HardwareError, LoggedError, Machine } from './machine.ts';

const EVERY_KIND: readonly SectionName[] = [
  'ARM processor',
  'memory',
  'PCIe',
  'CXL protocol',
  'firmware',
];

type Part = NonNullable<LoggedError['part']>;

/** Where the log puts an error of a section, and the part that it names, of those that name one. */
const SECTIONS: Readonly<
  Record<
    SectionName,
    readonly [category: LoggedError['category'], part?: (address: string) => Part]
  >
> = {
  processor: ['cpu', (mpidr) => ({ kind: 'cpu', mpidr })],
  'ARM processor': ['cpu', (mpidr) => ({ kind: 'cpu', mpidr })],
  memory: [
    'memory',
    (physicalAddress) => ({
      ...{ kind: 'dimm', label: 'DIMM 0', location: 'node:0 card:1 module:2', physicalAddress },
    }),
  ],
  'memory 2': ['others'],
  PCIe: ['pci', () => ROOT_PORT],
  'PCIe registers': ['pci', () => ROOT_PORT],
  'PCI bus': ['pci'],
  firmware: ['others'],
  'DMA remapping': ['others'],
  'CXL protocol': [
    'cxl',
    () => ({ kind: 'pci', address: '0000:0d:00.0', vendor: '8086', device: '0d93' }),
  ],
  'CXL general media': ['cxl'],
  'CXL DRAM': ['cxl'],
  'CXL memory module': ['cxl'],
};
const ROOT_PORT: Part = { kind: 'pci', address: '0000:00:1c.0', vendor: '1b36', device: '000c' };

/** Kernels that print no more of such a section than its type. */
const WITHOUT_CXL = /^(5|6\.[01])\./;

function logged(
  section: SectionName,
  severity: Severity,
  number: number,
  release = '',
): LoggedError {
  const [category, partAt] = SECTIONS[section];
  const isNamed = section !== 'CXL protocol' || !WITHOUT_CXL.test(release);
  const part = isNamed ? partAt?.(`0x${addressOf(number).toString(16)}`) : null;
  return { category, severity, source: 'ghes', part: part ?? null };
}

/** One section after the other, round and round, as often as it is to come. */
function records(
  severity: Severity,
  sections: readonly SectionName[],
  error: Omit<HardwareError, 'what' | 'inject' | 'event'>,
): HardwareError {
  return {
    ...error,
    what: `firmware record, ${severity}: ${sections.join(', ')}`,
    event: (number, release) =>
      logged(sections[number % sections.length]!, severity, number, release),
    inject: (guest, number) => {
      const record = firmwareRecord([sections[number % sections.length]!], severity, number);
      return guest.execute('inject-ghes-v2-error', { cper: record.toString('base64') });
    },
  };
}

/** @param told of by the section that says most of what went wrong. */
function death(sections: readonly SectionName[], told: SectionName): Machine['deaths'][number] {
  return {
    name: `fatal ${sections.length === 1 ? told : `${told} and others`} record`,
    what: `firmware record, fatal: ${sections.join(', ')}`,
    panic: /^Kernel panic - not syncing: (GHES: )?Fatal hardware error/,
    type: 'ghes-fatal',
    // What sections of one category say is one error, as long as they name no two parts.
    events: (release) => {
      const events = sections.map((section) => logged(section, 'fatal', 0, release));
      return events.filter(
        ({ category }, i) => events.findIndex((other) => other.category === category) === i,
      );
    },
    cause: { ...logged(told, 'fatal', 0), hwerrCategory: null },
    inject: (guest) => {
      const cper = firmwareRecord(sections, 'fatal', 0).toString('base64');
      return guest.execute('inject-ghes-v2-error', { cper });
    },
  };
}

export const arm64: Machine = {
  name: 'arm64',
  root: 'root-arm64',
  nodeArchitecture: 'arm64',
  triplet: 'aarch64-linux-gnu',
  loader: 'ld-linux-aarch64.so.1',
  loaderFolder: 'lib',
  qemu: 'usr/bin/qemu-system-aarch64',
  firmware: 'usr/share/qemu-efi-aarch64/QEMU_EFI.fd',
  type: 'virt,ras=on,gic-version=3',
  // As QEMU emulates them, it is faster than newer ones.
  arguments: [
    ...['-cpu', 'neoverse-n1'],
    ...['-device', 'pcie-root-port,id=rp0,chassis=1,addr=1c.0'],
  ],
  console: 'ttyAMA0',
  kernelArguments: '',
  // 1.7.8: "PAGE SIZE 0x1000 and VA Bits 52 not supported"
  makedumpfile: false,
  timeOffset: 8,
  formats: ['copy'],
  deaths: [
    death(['PCIe'], 'PCIe'),
    death(EVERY_KIND, 'memory'),
    death(['PCI bus', 'processor', 'memory 2', 'DMA remapping', 'CXL general media'], 'processor'),
    death(['CXL DRAM', 'CXL memory module'], 'CXL DRAM'),
  ],
  errors: [
    records('corrected', EVERY_KIND, {
      name: 'corrected record',
      category: undefined,
      times: 5,
      logged: /event severity: corrected/,
    }),
    records('recoverable', EVERY_KIND, {
      name: 'recoverable record',
      category: undefined,
      times: 5,
      logged: /event severity: recoverable/,
    }),
    // The only recoverable record that counts: the AER driver takes the registers over.
    records('recoverable', ['PCIe registers'], {
      name: 'recoverable PCIe record with registers',
      category: 'pci',
      times: 1,
      logged: /pcieport 0000:00:1c.0: (AER: )?aer_(uncor_)?status: 0x/,
    }),
    records('informational', ['ARM processor', 'processor'], {
      name: 'informational processor record',
      category: 'cpu',
      times: 2,
      logged: /section.type: (ARM|general) processor error/,
    }),
    records('informational', ['memory'], {
      name: 'informational memory record',
      category: 'memory',
      times: 3,
      logged: /section.type: memory error/,
    }),
    records('informational', ['PCIe', 'PCI bus'], {
      name: 'informational PCI record',
      category: 'pci',
      times: 4,
      logged: /section.type: (PCIe error|unknown, c5753963)/,
    }),
    records(
      'informational',
      ['CXL protocol', 'CXL general media', 'CXL DRAM', 'CXL memory module'],
      {
        name: 'informational CXL record',
        category: 'cxl',
        times: 5,
        logged: /section.type: (CXL|unknown, (80b9efb4|fe927475))/,
      },
    ),
    records('informational', ['firmware', 'DMA remapping', 'memory 2'], {
      name: 'other informational record',
      category: 'others',
      times: 6,
      logged: /section.type: (Firmware Error Record Reference|unknown, (5b51fef7|61ec04fc))/,
    }),
    FORGERY,
  ],
};
