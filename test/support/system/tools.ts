/**
 * Tests that need a program from outside npm (promtool, makedumpfile, …).
 * Without the program they are skipped by name; with HWERR_REQUIRE_TOOLS set (.ci/run) they fail instead.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

import { describe, it } from 'vitest';

type Body = () => void | Promise<void>;

/** A program that may be absent, and the `it` and `describe` for tests that run it. */
export interface Tool {
  /** Absolute path, or the bare name when the program is not installed. */
  readonly path: string;
  readonly missing: boolean;
  readonly it: (title: string, body: Body, timeoutMs?: number) => void;
  readonly describe: (title: string, body: () => void) => void;
}

/** @param file where it is, if it is not on the PATH. */
export function needsTool(name: string, file = name): Tool {
  return tool(name, findProgram(file));
}

/** Debian's own Python with a module of Debian's: another Python on the PATH does not have it. */
export function needsPythonModule(module: string): Tool {
  const python = '/usr/bin/python3';
  const { status } = spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' });
  return tool(`python3-${module}`, status === 0 ? python : undefined);
}

function tool(name: string, found: string | undefined): Tool {
  const missing = found === undefined;
  const required = Boolean(process.env['HWERR_REQUIRE_TOOLS']);
  const skip = missing && !required;
  const named = (title: string): string => `${title} [needs tool ${name}]`;
  const notInstalled: Body = () => {
    throw new Error(`${name} is not installed, and HWERR_REQUIRE_TOOLS asks for it`);
  };
  return {
    path: found ?? name,
    missing,
    it: (title, body, timeoutMs) => {
      it.skipIf(skip)(named(title), missing ? notInstalled : body, timeoutMs);
    },
    describe: (title, body) => {
      describe.skipIf(skip)(named(title), () => {
        if (missing) it('has its tool', notInstalled);
        body();
      });
    },
  };
}

function findProgram(name: string): string | undefined {
  if (isAbsolute(name)) return isExecutable(name) ? name : undefined;
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, '/usr/sbin', '/sbin'].map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
