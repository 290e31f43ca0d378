// An Intel server with a PCIe root port.

import type { Machine } from './machine.ts';

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
    ...['-device', 'pcie-root-port,id=rp0,chassis=1'],
  ],
  console: 'ttyS0',
  // pti=off: the monitor reads the kernel's memory through the page tables of whatever runs.
  kernelArguments: 'pcie_port_pm=off pti=off',
  makedumpfile: true,
  errors: [
    {
      name: 'machine check',
      what: 'machine check: uncorrected memory error that no program had used (SRAO)',
      category: 'others',
      times: 2,
      logged: /mce: \[Hardware Error\]: Machine check events logged|Memory failure: 0x/,
      inject: (guest, number) => {
        const address = 0x1234_5000 + number * 0x1000;
        return guest.monitor(`mce -b 0 9 0xbd000000000000c0 0x5 0x${address.toString(16)} 0x8c`);
      },
    },
    {
      name: 'PCIe error',
      what: 'PCIe error: completion timeout of a root port, uncorrectable, not fatal (AER)',
      category: 'pci',
      times: 3,
      logged: /AER: Uncorrectable \(Non-Fatal\) error message received/i,
      inject: (guest) => guest.monitor('pcie_aer_inject_error rp0 COMP_TIME'),
    },
  ],
};
