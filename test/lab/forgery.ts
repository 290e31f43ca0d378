// What a process of the guest may write into the kernel's log: the lines of hardware errors, word for word.

import type { HardwareError } from './machine.ts';

/** No more than ten: the kernel takes no more of a process at once. */
export const FORGED_LINES: readonly string[] = [
  '<2>mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 7: be00000001010091',
  '<2>mce: [Hardware Error]: TSC 0 ADDR 314d193000 MISC 86 ',
  '<2>mce: [Hardware Error]: PROCESSOR 0:50657 TIME 1605843017 SOCKET 1 APIC 40 microcode 5000021',
  '<2>{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 0',
  '<2>{1}[Hardware Error]: event severity: fatal',
  '<2>{1}[Hardware Error]:  Error 0, type: fatal',
  '<2>{1}[Hardware Error]:   section_type: memory error',
  '<3>pcieport 0000:00:1c.0: PCIe Bus Error: severity=Uncorrected (Fatal), type=Transaction Layer, (Requester ID)',
  '<3>Memory failure: 0x12345: recovery action for dirty LRU page: Failed',
  '<0>Kernel panic - not syncing: Fatal machine check: forged',
];

export const FORGERY: HardwareError = {
  name: 'forgery',
  what: 'lines of such errors and of a panic, written to /dev/kmsg by a process',
  category: undefined,
  times: 1,
  logged: /Fatal machine check: forged/,
  event: () => undefined,
  inject: (guest) =>
    guest.shell(FORGED_LINES.map((line) => `echo '${line}' >/dev/kmsg`).join('\n')),
};
