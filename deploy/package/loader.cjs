// Loads the files of the bundle, with the code that V8 compiled from them when the package was built
// (NAME.code beside NAME). V8 refuses code of another version of itself and compiles the file anew.
// Nothing is written. The files are scripts, not ECMAScript modules: V8 takes compiled code for those alone.
'use strict';

const { readFileSync } = require('node:fs');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');

/** Modules by file name. */
const loaded = new Map();

/** Functions of several files, by file name. */
let together = {};

/**
 * The exports of a file in this folder; it runs the first time that it is asked for.
 *
 * @param several a file that has the content of several.
 */
function load(name, several) {
  if (several !== undefined) together = evaluated(several);
  const before = loaded.get(name);
  if (before !== undefined) return before.exports;
  const filename = `${__dirname}/${name}`;
  const module = { exports: {} };
  loaded.set(name, module);
  const meta = {
    get url() {
      return pathToFileURL(filename).href;
    },
  };
  const run = together[name] ?? evaluated(name);
  run(module.exports, requireOrLoad, module, filename, __dirname, meta);
  return module.exports;
}

/** What the script in a file evaluates to. */
function evaluated(name) {
  const filename = `${__dirname}/${name}`;
  const cachedData = compiledCode(filename);
  const script = new vm.Script(readFileSync(filename, 'latin1'), { filename, cachedData });
  return script.runInThisContext();
}

function requireOrLoad(id) {
  return id.startsWith('./') ? load(id.slice(2)) : require(id);
}

function compiledCode(filename) {
  try {
    return readFileSync(`${filename}.code`);
  } catch {
    return undefined; // the threads' entries have none
  }
}

module.exports = load;
