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

/** Where the log puts an error of a section. */
const CATEGORIES: Readonly<Record<SectionName, LoggedError['category']>> = {
  processor: 'cpu',
  'ARM processor': 'cpu',
  memory: 'memory',
  'memory 2': 'others',
  PCIe: 'pci',
  'PCI bus': 'pci',
  firmware: 'others',
  'DMA remapping': 'others',
  'CXL protocol': 'cxl',
  'CXL general media': 'cxl',
  'CXL DRAM': 'cxl',
  'CXL memory module': 'cxl',
};

function logged(section: SectionName, severity: Severity, number: number): LoggedError {
  const page = { kind: 'dimm', physicalAddress: `0x${addressOf(number).toString(16)}` } as const;
  const part = section === 'memory' ? { part: page } : {};
  return { category: CATEGORIES[section], severity, source: 'ghes', ...part };
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
    event: (number) => logged(sections[number % sections.length]!, severity, number),
    inject: (guest, number) => {
      const record = firmwareRecord(sections[number % sections.length]!, severity, number);
      return guest.execute('inject-ghes-v2-error', { cper: record.toString('base64') });
    },
  };
}

function death(section: SectionName): Machine['deaths'][number] {
  return {
    name: `fatal ${section} record`,
    what: `firmware record, fatal: ${section}`,
    panic: /^Kernel panic - not syncing: (GHES: )?Fatal hardware error/,
    type: 'ghes-fatal',
    cause: { ...logged(section, 'fatal', 0), hwerrCategory: null },
    inject: (guest) => {
      const cper = firmwareRecord(section, 'fatal', 0).toString('base64');
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
  arguments: ['-cpu', 'neoverse-n1'],
  console: 'ttyAMA0',
  kernelArguments: '',
  // 1.7.8: "PAGE SIZE 0x1000 and VA Bits 52 not supported"
  makedumpfile: false,
  timeOffset: 8,
  formats: ['copy'],
  deaths: [death('memory'), death('PCIe')],
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
        logged: /section.type: (CXL|unknown, fe927475)/,
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
