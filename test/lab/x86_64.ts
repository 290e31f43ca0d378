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
      name: 'corrected machine check',
      what: 'machine check: corrected memory error',
      category: undefined,
      times: 1,
      logged: /mce: \[Hardware Error\]: Machine check events logged/,
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
      inject: (guest, number) => {
        const address = 0x1234_5000 + number * 0x1000;
        return guest.monitor(`mce -b 0 9 0xbd000000000000c0 0x5 0x${address.toString(16)} 0x8c`);
      },
    },
    {
      name: 'corrected PCIe error',
      what: 'PCIe error of a root port (AER): corrected, a bad TLP',
      category: undefined,
      times: 1,
      logged: /AER: Correctable error message received/i,
      inject: (guest) => guest.monitor('pcie_aer_inject_error rp0 BAD_TLP'),
    },
    {
      name: 'fatal PCIe error',
      what: 'PCIe error of a root port (AER): fatal, data link protocol',
      category: undefined,
      times: 1,
      logged: /AER: Uncorrectable \(Fatal\) error message received/i,
      inject: (guest) => guest.monitor('pcie_aer_inject_error rp0 DLP'),
    },
    {
      name: 'PCIe error',
      what: 'PCIe error of a root port (AER): uncorrected, not fatal, a completion timeout',
      category: 'pci',
      times: 3,
      logged: /AER: Uncorrectable \(Non-Fatal\) error message received/i,
      inject: (guest) => guest.monitor('pcie_aer_inject_error rp0 COMP_TIME'),
    },
  ],
};
