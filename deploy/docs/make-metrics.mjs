#!/usr/bin/env node
// Prints metrics.md, generated from the catalogue of the built exporter. A test compares the output with
// the committed file:
//   npm run build && node deploy/docs/make-metrics.mjs > deploy/docs/metrics.md
import { CATALOGUE } from '../../dist/metrics/catalogue.js';

const rows = Object.entries(CATALOGUE).map(
  ([name, { type, labels = [], help }]) =>
    `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
);

process.stdout.write(`# Metrics

Generated from the exporter's catalogue by make-metrics.mjs: edit that.

[Kernel caveats](kernel-caveats.md) describes what the kernel counts.
The exporter also exposes \`process_*\` and a few \`nodejs_*\` metrics (all of them with \`--web.enable-nodejs-metrics\`), unless \`--web.disable-exporter-metrics\` is given.

| metric | type | labels | |
| --- | --- | --- | --- |
${rows.join('\n')}
`);
