#!/usr/bin/env node
// Entry point: checks the version of Node. It imports only what older versions can load; the program is
// process.ts.

import { refusal } from './node-version.ts';

const reason = refusal(process.versions.node);
if (reason === undefined) {
  void import('./process.ts');
} else {
  process.stderr.write(`hwerr-exporter: ${reason}\n`);
  process.exitCode = 2;
}
