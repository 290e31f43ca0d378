// A board of QEMU's with a PCIe root port, and Debian's kernel.

import type { Machine } from './machine.ts';
import { pcieErrors } from './pcie-errors.ts';

export const riscv64: Machine = {
  name: 'riscv64',
  root: 'root-riscv64',
  nodeArchitecture: 'riscv64',
  triplet: 'riscv64-linux-gnu',
  loader: 'ld-linux-riscv64-lp64d.so.1',
  loaderFolder: 'lib',
  qemu: 'usr/bin/qemu-system-riscv64',
  type: 'virt',
  arguments: ['-device', 'pcie-root-port,id=rp0,chassis=1,addr=1c.0'],
  console: 'ttyS0',
  kernelArguments: '',
  timeOffset: 8,
  makedumpfile: false,
  formats: [],
  errors: pcieErrors('0000:00:1c.0'),
  deaths: [],
};
