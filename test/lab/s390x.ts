// A mainframe, with Debian's kernel. QEMU injects nothing that its log would tell of.

import type { Machine } from './machine.ts';

export const s390x: Machine = {
  name: 's390x',
  root: 'root-s390x',
  nodeArchitecture: 's390x',
  triplet: 's390x-linux-gnu',
  loader: 'ld64.so.1',
  loaderFolder: 'lib',
  qemu: 'usr/bin/qemu-system-s390x',
  type: 's390-ccw-virtio',
  arguments: [],
  console: 'ttysclp0',
  kernelArguments: '',
  timeOffset: 8,
  makedumpfile: false,
  formats: [],
  errors: [],
  deaths: [],
};
