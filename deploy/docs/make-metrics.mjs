#!/usr/bin/env node
// The list of metrics, from the catalogue of the built exporter. A test compares it with what is
// committed:
//   npm run build && node deploy/docs/make-metrics.mjs > deploy/docs/metrics.md
import { CATALOGUE } from '../../dist/metrics/catalogue.js';

const rows = Object.entries(CATALOGUE).map(
  ([name, { type, labels = [], help }]) =>
    `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
);

process.stdout.write(`# Metrics

Made from the catalogue of the exporter by make-metrics.mjs: edit that.

What each number is about, and what the kernel counts at all: [kernel caveats](kernel-caveats.md).
Besides these there are \`process_*\` and a few \`nodejs_*\` (all with \`--web.enable-nodejs-metrics\`), unless \`--web.disable-exporter-metrics\` is given.

| metric | type | labels | |
| --- | --- | --- | --- |
${rows.join('\n')}
`);
