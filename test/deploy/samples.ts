// The dumps that the tests of deploy/ use.

/** Its crash: pci 7, the last 9 s before the panic; others 10, 20 s before. 2026-10-03 04:05:51 UTC. */
export const PCI_CRASH = 'x86_64-7.3.4.lzo';

/** Dumps of four crashes of the host `labhost`. */
export const SAMPLES: readonly string[] = [
  PCI_CRASH,
  'arm64-7.3.4.elf',
  'x86_64-6.19.10-no-note.flat-zlib',
  'x86_64-6.18.12-no-hwerr.flat-zlib',
];
