// Errors of a root port, called rp0, that QEMU makes and the kernel's AER driver logs.

import type { HardwareError, LoggedError } from './machine.ts';

/** @param address of the port. */
export function pcieErrors(address: string): HardwareError[] {
  // Its ids are those of QEMU's documentation (docs/specs/pci-ids.rst).
  const part = { kind: 'pci', address, vendor: '1b36', device: '000c' } as const;
  const logged = (severity: LoggedError['severity']): LoggedError => {
    return { category: 'pci', severity, source: 'aer', part };
  };
  return [
    {
      name: 'corrected PCIe error',
      what: 'PCIe error of a root port (AER): corrected, a bad TLP',
      category: undefined,
      times: 1,
      logged: /AER: Correct(able|ed) error message received/i,
      event: () => logged('corrected'),
      inject: (guest) => guest.monitor('pcie_aer_inject_error rp0 BAD_TLP'),
    },
    {
      name: 'fatal PCIe error',
      what: 'PCIe error of a root port (AER): fatal, data link protocol',
      category: undefined,
      times: 1,
      logged: /AER: Uncorrect(able|ed) \(Fatal\) error message received/i,
      event: () => logged('fatal'),
      inject: (guest) => guest.monitor('pcie_aer_inject_error rp0 DLP'),
    },
    {
      name: 'PCIe error',
      what: 'PCIe error of a root port (AER): uncorrected, not fatal, a completion timeout',
      category: 'pci',
      times: 3,
      logged: /AER: Uncorrect(able|ed) \(Non-Fatal\) error message received/i,
      event: () => logged('recoverable'),
      inject: (guest) => guest.monitor('pcie_aer_inject_error rp0 COMP_TIME'),
    },
  ];
}
