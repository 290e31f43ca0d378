import { describe, expect, it } from 'vitest';

import { type Entry, eventsOf, evidenceOf, summaries } from '../../support/builders/kernel-log.ts';

const HE = 'mce: [Hardware Error]: ';

function raw(cpu: number, bank: number, status: string, rest = ''): string[] {
  return [
    `${HE}CPU ${cpu}: Machine Check Exception: 5 Bank ${bank}: ${status}`,
    `${HE}TSC d9d0231f7 ${rest}`,
    `${HE}PROCESSOR 0:50654 TIME 1791000327 SOCKET 1 APIC 0 microcode 1`,
  ];
}

const RECOVERABLE_MEMORY = 'bd000000000000c0';
const CORRECTED_MEMORY = '8c00004000010092';

describe('machine checks', () => {
  it('that were survived are recoverable, whatever the word Exception says', () => {
    const [event] = eventsOf(...raw(3, 9, RECOVERABLE_MEMORY, 'ADDR 12345678 MISC 8c '));
    expect(event).toMatchObject({
      ...{ category: 'memory', severity: 'recoverable', source: 'mce', hwerrCategory: 'others' },
      part: { kind: 'cpu', cpu: 3, socket: 1, bank: 9, physicalAddress: '0x12345000' },
    });
  });

  it('printed last before the panic are fatal, those before it are not', () => {
    const { hardwareEvents, crash } = evidenceOf(
      ...raw(1, 5, CORRECTED_MEMORY),
      ...raw(18, 7, 'a000000000000000'),
      `${HE}Machine check: Processor context corrupt`,
      'Kernel panic - not syncing: Fatal machine check',
    );
    expect(hardwareEvents.map(({ severity }) => severity)).toEqual(['corrected', 'fatal']);
    expect(crash).toMatchObject({ type: 'machine-check', cpu: 18 });
    expect(crash?.cause).toMatchObject({ detail: 'Processor context corrupt' });
  });

  it('printed twice on the way to the panic are one', () => {
    expect(
      summaries(
        ...raw(1, 5, 'be00000000000135'),
        ...raw(1, 5, 'be00000000000135'),
        'Kernel panic - not syncing: Fatal machine check',
      ),
    ).toEqual(['fatal cpu mce CPU 1']);
  });

  it('lose nothing when what pr_cont() adds becomes a record of its own', () => {
    const { hardwareEvents, crash } = evidenceOf(
      `${HE}CPU 18: Machine Check Exception: 5 Bank 7: be00000001010091`,
      `${HE}RIP !INEXACT! 10:<ffffffffac58472a> `,
      'usb 1-1: something else',
      '{acpi_idle_do_entry+0x4a/0x60}',
      `${HE}TSC ae4b410af0b8 `,
      'ADDR 314d193000 ',
      'MISC 200400c008002086 ',
      `${HE}PROCESSOR 0:50657 TIME 1605843017 SOCKET 1 APIC 40 microcode 5000021`,
      'Kernel panic - not syncing: Fatal machine check',
    );
    expect(hardwareEvents).toMatchObject([{ part: { physicalAddress: '0x314d193000' } }]);
    expect(crash?.pc).toBe('acpi_idle_do_entry');
  });

  it.each([
    ['be00000000010091', '0', 1],
    ['be00000000010091', '5e1', 0],
    // Not enabled, or no danger to what the CPU was doing: a kernel that runs finds such ones.
    ['ae00000000010091', '0', 0],
    ['bc00000000010091', '0', 0],
  ])('that no kernel survives are of the boot before: %s, TSC %s', (status, tsc, count) => {
    const left = [
      // Up to 6.12 it announces these too.
      `${HE}Machine check events logged`,
      `${HE}CPU 0: Machine Check: 0 Bank 7: ${status}`,
      `${HE}TSC ${tsc} ADDR 12345000 MISC 8c `,
      `${HE}PROCESSOR 0:50654 TIME 1795937644 SOCKET 0 APIC 0 microcode 0`,
    ];
    const { hardwareEvents, previousBootRecords } = evidenceOf(4.15, ...left);
    expect(previousBootRecords).toBe(count);
    expect(hardwareEvents).toHaveLength(1 - count);
  });

  it('of the boot before do not hide the one that ends this one', () => {
    const left = raw(0, 7, 'be00000000010091').map((line) =>
      line.replace(' Exception: 5', ': 0').replace(/TSC \w+/, 'TSC 0'),
    );
    const dies = [
      ...raw(0, 7, 'be00000000010091'),
      'Kernel panic - not syncing: Fatal machine check',
    ];
    const { hardwareEvents, previousBootRecords, crash } = evidenceOf(4.15, ...left, 5, ...dies);
    expect(previousBootRecords).toBe(1);
    expect(hardwareEvents).toHaveLength(1);
    expect(crash?.cause).toMatchObject({ part: { bank: 7 } });
  });

  it('announced and not told of are corrected errors without detail', () => {
    expect(eventsOf(`${HE}Machine check events logged`)).toMatchObject([
      { category: 'others', severity: 'corrected', part: null, undetailed: true },
    ]);
  });

  it('announced and told of within two seconds are one, at the time of the announcement', () => {
    const announced = (seconds: number): readonly Entry[] => [
      20,
      `${HE}Machine check events logged`,
      20 + seconds,
      ...raw(3, 9, RECOVERABLE_MEMORY),
    ];
    expect(eventsOf(...announced(1.9))).toMatchObject([{ time: 20, undetailed: false }]);
    expect(eventsOf(...announced(2.1))).toHaveLength(2);
  });

  it('announced more than once, as every bank and report of one does, are one event', () => {
    const announcement = `${HE}Machine check events logged`;
    const error = raw(3, 9, RECOVERABLE_MEMORY);
    expect(eventsOf(20, announcement, announcement, 21, ...error)).toHaveLength(1);
    const another = raw(4, 9, RECOVERABLE_MEMORY);
    expect(eventsOf(20, announcement, 21, ...error, announcement, ...another)).toHaveLength(2);
  });

  it('met in user space are one with what became of the page, glued on or not', () => {
    const [event, ...others] = eventsOf(
      'mce: Uncorrected hardware memory error in user-access at 8a398a400Memory failure: 0x8a398a: recovery action for dirty LRU page: Recovered',
    );
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      ...{ category: 'memory', severity: 'recoverable', outcome: 'Recovered' },
      part: { kind: 'page', physicalAddress: '0x8a398a400' },
    });
  });

  it('that a panic prints are none that the kernel counted', () => {
    const two = [...raw(1, 6, 'b200000000000402'), ...raw(0, 6, 'b200000000000402')];
    const panic = 'Kernel panic - not syncing: Fatal machine check on current CPU';
    expect(eventsOf(10, ...two, panic)).toMatchObject([
      { hwerrCategory: null },
      { hwerrCategory: null },
    ]);
    expect(eventsOf(10, ...two, 13, panic)).toMatchObject([
      { hwerrCategory: 'others' },
      { hwerrCategory: 'others' },
      { hwerrCategory: null },
    ]);
  });

  it('of several CPUs that met the same bad data are one event', () => {
    const address = 'ADDR 8a398a400 MISC 86 ';
    const met = (cpu: number): readonly string[] => raw(cpu, 1, 'bd80000000100134', address);
    expect(summaries(...met(3), ...met(9))).toEqual(['recoverable memory mce CPU 3']);
    const elsewhere = raw(9, 1, 'bd80000000100134', 'ADDR 9a398a400 MISC 86 ');
    expect(summaries(...met(3), ...elsewhere)).toHaveLength(2);
    const corrected = raw(3, 7, CORRECTED_MEMORY, address);
    expect(summaries(...corrected, ...met(3))).toHaveLength(2);
  });

  it('to which CPUs did not come are one fatal event, however many say so', () => {
    const holdouts = 'mce: CPUs not responding to MCE broadcast (may include false positives): 0,4';
    expect(
      summaries(
        holdouts,
        holdouts,
        'Kernel panic - not syncing: Timeout: Not all CPUs entered broadcast exception handler',
      ),
    ).toEqual(['fatal others mce']);
  });

  it.each(['Triggering MCE exception on CPU 3', 'Starting machine check poll CPU 3'])(
    'are marked as made up within five seconds of: %s',
    (injector) => {
      const made = eventsOf(10, injector, 14, ...raw(3, 9, RECOVERABLE_MEMORY));
      expect(made).toMatchObject([{ time: 14, injected: true }]);
      const others = [...raw(4, 9, RECOVERABLE_MEMORY), 16, ...raw(3, 9, RECOVERABLE_MEMORY)];
      expect(eventsOf(10, injector, ...others)).toMatchObject([
        { injected: false },
        { injected: false },
      ]);
    },
  );

  it('told of before the CPUs that did not come to them are one event with these', () => {
    const panic =
      'Kernel panic - not syncing: Timeout: Not all CPUs entered broadcast exception handler';
    const holdouts = `${HE}Some CPUs didn't answer in synchronization`;
    expect(summaries(...raw(1, 0, 'b200000080060001'), holdouts, panic)).toEqual([
      'fatal cpu mce CPU 1',
    ]);
    // What was corrected before is an error of its own.
    const corrected = raw(1, 7, '8c00004000010090');
    expect(summaries(holdouts, ...corrected, ...raw(1, 0, 'b200000080060001'), panic)).toEqual([
      'fatal cpu mce CPU 1',
      'corrected memory mce CPU 1',
    ]);
  });

  it('of bank 255 are the firmware record that they were made of', () => {
    expect(
      summaries(
        `${HE}Machine check events logged`,
        '{1}[Hardware Error]: event severity: corrected',
        '{1}[Hardware Error]:   section_type: memory error',
        ...raw(0, 255, '940000000000009f', 'ADDR 12345000 '),
      ),
    ).toEqual(['corrected memory ghes 0x12345000']);
  });

  it('of which the first line is gone are events of unknown severity', () => {
    expect(eventsOf(`${HE}TSC 0 ADDR 12345000 MISC 8c `)).toMatchObject([
      { severity: 'recoverable', severityUnknown: true },
    ]);
  });
});
