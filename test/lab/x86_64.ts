// An Intel server with a PCIe root port.

import { FORGERY } from './forgery.ts';
import type { LoggedError, Machine } from './machine.ts';
import { pcieErrors } from './pcie-errors.ts';

const PORT = '0000:00:1c.0';

const FATAL_MACHINE_CHECK: LoggedError = {
  ...{ category: 'memory', severity: 'fatal', source: 'mce', hwerrCategory: null },
  part: { cpu: 0, socket: 0, bank: 7, physicalAddress: '0x12345000' },
};

/** Address of the memory of an error, in hexadecimal. */
function pageOf(number: number): string {
  return `0x${(0x1234_5000 + number * 0x1000).toString(16)}`;
}

/** Debian's kernels since 6.12 keep corrected memory errors to themselves (CONFIG_RAS_CEC). */
function collectsCorrected(release: string): boolean {
  return !/^(5|6\.[1-9]\.)/.test(release);
}

export const x86_64: Machine = {
  name: 'x86_64',
  root: 'root',
  nodeArchitecture: 'x64',
  triplet: 'x86_64-linux-gnu',
  loader: 'ld-linux-x86-64.so.2',
  loaderFolder: 'lib64',
  qemu: 'usr/bin/qemu-system-x86_64',
  type: 'q35',
  arguments: [
    // Machine checks are an Intel's: of a server, for only those recover.
    ...['-cpu', 'max,vendor=GenuineIntel,family=6,model=85,stepping=4'],
    ...['-device', 'pcie-root-port,id=rp0,chassis=1,addr=1c.0'],
  ],
  console: 'ttyS0',
  // pti=off: the monitor reads the kernel's memory through the page tables of whatever runs.
  kernelArguments: 'pcie_port_pm=off pti=off',
  makedumpfile: true,
  timeOffset: 8,
  formats: ['zlib', 'lzo', 'zstd', 'raw', 'elf', 'flat-lzo'],
  errors: [
    {
      name: 'corrected machine check',
      what: 'machine check: corrected memory error',
      category: undefined,
      times: 1,
      logged: /mce: \[Hardware Error\]: Machine check events logged/,
      event: (_, release) => ({
        ...{ severity: 'corrected', source: 'mce' },
        ...(collectsCorrected(release)
          ? { category: 'others', part: null, undetailed: true }
          : { category: 'memory', part: { cpu: 0, bank: 9, physicalAddress: '0x12349000' } }),
      }),
      inject: async (guest) => {
        // Such errors raise nothing: the kernel looks for them, every five minutes if not told otherwise.
        await guest.shell('echo 1 >/sys/devices/system/machinecheck/machinecheck0/check_interval');
        await guest.monitor('mce 0 9 0x8c00004000010090 0 0x12349000 0x8c');
      },
    },
    {
      name: 'machine check',
      what: 'machine check: uncorrected memory error that no program had used (SRAO)',
      category: 'others',
      times: 2,
      logged: /Memory failure: 0x/,
      event: (number) => ({
        ...{ category: 'memory', severity: 'recoverable' },
        part: { physicalAddress: pageOf(number) },
      }),
      inject: (guest, number) =>
        guest.monitor(`mce -b 0 9 0xbd000000000000c0 0x5 ${pageOf(number)} 0x8c`),
    },
    ...pcieErrors(PORT),
    FORGERY,
  ],
  deaths: [
    {
      name: 'fatal machine check',
      what: 'machine check: uncorrected memory error, processor context corrupt',
      panic: /^Kernel panic - not syncing: Fatal (local )?machine check/,
      type: 'machine-check',
      events: () => [FATAL_MACHINE_CHECK],
      cause: FATAL_MACHINE_CHECK,
      inject: (guest) => guest.monitor('mce -b 0 7 0xbe00000000010091 0x5 0x12345000 0x8c'),
    },
  ],
};
