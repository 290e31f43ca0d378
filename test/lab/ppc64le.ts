// A guest of a POWER hypervisor, with Debian's kernel. QEMU injects nothing that its log would tell of.

import type { Machine } from './machine.ts';

export const ppc64le: Machine = {
  name: 'ppc64le',
  root: 'root-ppc64le',
  nodeArchitecture: 'ppc64',
  triplet: 'powerpc64le-linux-gnu',
  loader: 'ld64.so.2',
  loaderFolder: 'lib64',
  qemu: 'usr/bin/qemu-system-ppc64',
  type: 'pseries',
  arguments: [],
  console: 'hvc0',
  kernelArguments: '',
  timeOffset: 8,
  makedumpfile: false,
  formats: [],
  errors: [],
  deaths: [],
};
