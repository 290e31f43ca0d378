// An Intel server whose kernel is of 32 bits, with PAE or without: of Debian, or built by setup.sh.

import type { Machine } from './machine.ts';
import { x86_64 } from './x86_64.ts';

export const i386: Machine = {
  ...x86_64,
  name: 'i386',
  root: 'root-i386',
  nodeArchitecture: 'ia32',
  triplet: 'i386-linux-gnu',
  loader: 'ld-linux.so.2',
  loaderFolder: 'lib',
  // Of the first 512 MiB, which is where such a kernel takes it from.
  kernelArguments: `${x86_64.kernelArguments} crashkernel=128M`,
  // pahole of kernels with PAE and without: struct hwerr_info has 12 bytes, with the time at 4.
  timeOffset: 4,
  // Of one crash kernel a second makedumpfile dies: a segmentation fault in ld-linux.so.2.
  formats: ['zlib', 'copy'],
};
