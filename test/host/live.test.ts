import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { ThisBoot, type ThisBootOptions } from '../../src/host/live.ts';
import { eventually } from '../support/system/eventually.ts';
import { kcoreFileOf } from '../support/builders/kcore-builder.ts';
import { kernel } from '../support/builders/kernel-builder.ts';
import { memoryLog } from '../support/daemon/logger.ts';
import { realDecoder } from '../support/daemon/running-ingest.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const NOW_SECONDS = 1_791_000_000;

interface Setup {
  readonly boot: ThisBoot;
  readonly lines: readonly string[];
}

function thisBoot(options: Partial<ThisBootOptions>): Setup {
  const decoder = realDecoder();
  const { log, lines } = memoryLog();
  const boot = new ThisBoot(
    { kcore: undefined, intervalMs: 20, ...options },
    { decoder, log, nowMs: () => NOW_SECONDS * 1000 },
  );
  onTestFinished(async () => {
    boot.close();
    await decoder.close();
  });
  return { boot, lines };
}

/** At once: it may be read at any moment. */
function writeKcore(path: string, others: number): void {
  const counters = [
    [0, 0],
    [0, 0],
    [7, 1_790_999_990],
    [0, 0],
    [others, 1_790_999_999],
  ] as const;
  writeFileSync(`${path}.new`, kcoreFileOf(kernel({ counters })));
  renameSync(`${path}.new`, path);
}

function untilCounted(boot: ThisBoot, want: readonly number[]): Promise<true> {
  return eventually(`counters ${want.join()}`, () => {
    if (boot.state.kind !== 'present') return undefined;
    const counts = boot.state.categories.map(({ count }) => count);
    return counts.every((count, i) => count === want[i]) || undefined;
  });
}

describe('ThisBoot', () => {
  it('is off where nobody asked', async () => {
    const { boot, lines } = thisBoot({});
    await boot.run();
    expect(boot.state).toEqual({ kind: 'off' });
    expect(lines).toEqual([]);
  });

  it('reads kcore again and again, and says so once', async () => {
    const kcore = join(tempDir(), 'kcore');
    writeKcore(kcore, 1);
    const { boot, lines } = thisBoot({ kcore });
    expect(boot.state.kind).toBe('unavailable');
    const running = boot.run();
    await untilCounted(boot, [0, 0, 7, 0, 1]);
    writeKcore(kcore, 2);
    await untilCounted(boot, [0, 0, 7, 0, 2]);
    expect(boot.state).toMatchObject({ readSeconds: NOW_SECONDS });
    boot.close();
    await running;
    expect(
      lines.filter((line) => line.includes('reading the counters of the running kernel')),
    ).toHaveLength(1);
  });

  it('says once why kcore cannot be read, and has no counters then', async () => {
    const kcore = join(tempDir(), 'kcore');
    const { boot, lines } = thisBoot({ kcore });
    await boot.refresh();
    await boot.refresh();
    const message = `${kcore}: this kernel has none (CONFIG_PROC_KCORE)`;
    expect(boot.state).toEqual({ kind: 'unavailable', message });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('counters of the running kernel cannot be read');
    writeKcore(kcore, 1);
    await boot.refresh();
    expect(boot.state.kind).toBe('present');
    rmSync(kcore);
    await boot.refresh();
    expect(boot.state).toEqual({ kind: 'unavailable', message });
  });

  it('tells of a kernel that counts nothing', async () => {
    const kcore = join(tempDir(), 'kcore');
    writeFileSync(kcore, kcoreFileOf(kernel({ arrayName: null, logFunction: false })));
    const { boot } = thisBoot({ kcore });
    await boot.refresh();
    expect(boot.state).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('does not count hardware errors') as string,
    });
  });
});
