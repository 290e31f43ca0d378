// A crash of a guest without kdump, of which QEMU dumps the memory. Its counters must decode to what
// QEMU's monitor reads there, its log to the errors that were injected.

import { join } from 'node:path';
import { writeFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { tempDir } from '../support/system/temp-dir.ts';
import { startBareGuest } from './bare-guest.ts';
import { arrayAddress, countedBy, countsOf, expectedCounts, inject } from './guest-errors.ts';
import { initramfs } from './initramfs.ts';
import { decoded, knownOf, loggedBy, presentOf, refreshFixture } from './known-crash.ts';
import { labKernel } from './lab-root.ts';
import { MACHINE } from './machines.ts';
import { RunRecord, updating } from './run-record.ts';

const KERNELS = (process.env['HWERR_LAB_KERNEL'] ?? '7.2').split(/[ ,]+/);
/** As QEMU's dump-guest-memory calls them. */
const FORMATS = [
  { format: 'elf', container: 'elf', compression: [] },
  { format: 'kdump-raw-zlib', container: 'kdump', compression: ['zlib'] },
] as const;

describe.each(KERNELS)(`Linux %s ${MACHINE.name}`, (version) => {
  it('says what it counted and logged in the dumps that QEMU writes of it', async () => {
    const kernel = labKernel(version);
    const folder = tempDir();
    const record = new RunRecord(
      `npm run lab:hypervisor: Linux ${version} ${MACHINE.name}, QEMU without KVM`,
      folder,
    );
    record.tell(`boots ${kernel.release}`);
    const initrd = join(folder, 'initrd');
    writeFileSync(initrd, initramfs(folder, kernel, 'bare-init.sh'));
    const guest = await startBareGuest(kernel, folder, initrd);
    record.tell('up');

    const address = await arrayAddress(guest);
    for (const error of MACHINE.errors) {
      await inject(guest, error);
      record.tell(`injected ${error.times} × ${error.what}`);
    }
    const told = await knownOf(guest, undefined);
    const counted = await countedBy(guest, address!);
    record.tell(`hwerr_data by QEMU's monitor: ${JSON.stringify(counted)}`);
    expect(countsOf(counted)).toEqual(expectedCounts(MACHINE.errors));
    await guest.crash();
    record.tell('crashed');

    const known = {
      ...{ ...told, hwerr: presentOf(counted), vmcoreinfo: 'scanned', crashTimeSeconds: null },
      panicMessage: 'Kernel panic - not syncing: sysrq triggered crash',
      log: { source: 'ring', forgeable: false, foreign: 0, truncated: false },
      hardwareEvents: MACHINE.errors.flatMap((error) => loggedBy(error, kernel.release)),
      crash: { type: 'sysrq', cause: null },
    };
    for (const { format, container, compression } of FORMATS) {
      const file = join(folder, format);
      await guest.dump(format, file);
      const report = { container, flattened: false, compression: [...compression], ...known };
      const [decodedReport] = decoded([file]);
      expect(decodedReport, format).toMatchObject({ ...report, warnings: [] });
      record.tell(`dump-guest-memory ${format}: says the same`);
      if (updating()) refreshFixture(`${kernel.release} ${format}`, file, report);
    }
    record.keep(`${MACHINE.name}-${version}-hypervisor`);
  });
});
