// Preloaded when the package is built (node --require): at the end it writes the compiled code of every script
// that has run and has none yet. Only functions that were called are in it.
//
// --hash-seed makes the bytes the same every time, --no-flush-bytecode keeps functions that ran early, and the
// filters keep the compilers behind the interpreter out: they mark what they compiled, and when they come to it
// depends on how busy the machine is.
// V8 takes code only with the flags that it was made with, so they are as by default when it is written.
'use strict';

const { existsSync, writeFileSync } = require('node:fs');
const { basename } = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');

const scripts = new Map();
const { setFlagsFromString } = v8;
v8.setFlagsFromString = () => undefined; // the program calls it once it has loaded its code

vm.Script = class extends vm.Script {
  constructor(source, options) {
    // The name becomes part of the code: without the folder, and as a copy, for a slice of a string brings
    // the whole string with it.
    const filename = Buffer.from(basename(options.filename)).toString();
    super(source, { ...options, filename });
    scripts.set(options.filename, this);
  }
};

process.on('exit', () => {
  setFlagsFromString('--hash-seed=0');
  setFlagsFromString('--flush-bytecode');
  const filters = process.execArgv.filter((flag) => flag.endsWith('-filter=-*'));
  for (const flag of filters) setFlagsFromString(flag.replace('=-*', '=*'));
  for (const [filename, script] of scripts) {
    const file = `${filename}.code`;
    if (!existsSync(file)) writeFileSync(file, script.createCachedData());
  }
});
