#!/usr/bin/env node
// The entry: whether this Node will do. What it imports loads on older ones too; the program is process.ts.

import { refusal } from './node-version.ts';

const reason = refusal(process.versions.node);
if (reason === undefined) {
  void import('./process.ts');
} else {
  process.stderr.write(`hwerr-exporter: ${reason}\n`);
  process.exitCode = 2;
}
