import { fileURLToPath } from 'node:url';

import { type ViteUserConfig, defineConfig } from 'vitest/config';

import { LongestFirst } from './support/system/longest-first.ts';
import { SkippedByName } from './support/system/skipped-by-name.ts';

/** .ci/run asks for a machine-readable copy of the result here. */
const reportFile = process.env['HWERR_TEST_REPORT'];

const DECODER = 'test/vmcore/**/*.test.ts';

const config: ViteUserConfig = defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    projects: [
      // The decoder is pure: its tests leave nothing behind that another file could see, and share their workers.
      { extends: true, test: { name: 'decoder', include: [DECODER], isolate: false } },
      {
        extends: true,
        test: {
          name: 'program',
          include: ['test/**/*.test.ts'],
          exclude: [DECODER, 'test/architecture/violations/**'],
        },
      },
    ],
    maxWorkers: 3, // some wait for what they started
    sequence: { sequencer: LongestFirst },
    // How long a failure takes: nothing waits for a time, and the machine may have other work.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    expect: { poll: { timeout: 240_000 } },
    reporters: [
      'default',
      new SkippedByName(),
      ...(reportFile ? [['json', { outputFile: reportFile }] as ['json', object]] : []),
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text'],
    },
  },
});

export default config;
