import { fileURLToPath } from 'node:url';

import { type ViteUserConfig, defineConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/lab/*.lab.ts'],
    testTimeout: 900_000,
    // To stop a guest, the exporter and Prometheus.
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
});

export default config;
