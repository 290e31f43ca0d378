// Checks that the current user can use the paths in the settings; if not, says how to grant access.

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { access, opendir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config.ts';
import { isGone } from '../decode/file-source.ts';
import { FileError } from '../failure.ts';
import { isInBucket, systemPath } from '../file-path.ts';
import { hintOn } from '../ingest/permission-hint.ts';
import { scannerOf } from '../ingest/scanner.ts';
import { databasePath, hasLedger, probe } from '../ledger/files.ts';
import { readCrashes } from '../ledger/read-crashes.ts';
import { HINTS, StoreError } from '../ledger/store-error.ts';
import { WebConfigError } from '../webconfig/parse.ts';
import { loadWebConfig } from '../webconfig/web-config.ts';
import { type Finding, ok, problem } from './finding.ts';

/** Checks that a directory or bucket can be read. @param flag the flag that names another one. */
export async function checkDirectory(path: string, flag: string): Promise<Finding> {
  try {
    if (isInBucket(path)) await scannerOf(path, [], Date.now)(new Set());
    else {
      await (await opendir(systemPath(path))).close();
      await access(systemPath(path), constants.X_OK);
    }
    return ok(`${path}: can be read`);
  } catch (error) {
    return cannotRead(path, error instanceof FileError ? error : FileError.from(path, error), flag);
  }
}

/** Returns the problem of a directory that cannot be read, with what to do. */
export async function cannotRead(path: string, error: FileError, flag: string): Promise<Finding> {
  const hint = await hintOn(path, error);
  if (hint !== undefined) return problem(`${error.message}. ${hint}`);
  const isMissing = isGone(error) && !existsSync(systemPath(path));
  return problem(
    isMissing
      ? `${path}: is not there. Make it, or name another one with --${flag}`
      : error.message,
  );
}

/** Checks that the daemon would accept the file; a problem names file, line and key. */
export function checkWebConfig(file: string): Finding {
  try {
    loadWebConfig(file);
    return ok(`${file}: good`);
  } catch (error) {
    if (!(error instanceof WebConfigError)) throw error;
    return problem(error.message);
  }
}

/** Checks that the exporter can write its ledger to the configured place. */
export async function checkLedger({
  ledgerPath,
  ledgerUrl,
}: Pick<Config, 'ledgerPath' | 'ledgerUrl'>): Promise<Finding> {
  return ledgerUrl === undefined ? checkFiles(ledgerPath) : await checkDatabase(ledgerUrl);
}

/** Creates the tables if they do not exist. */
async function checkDatabase(url: string): Promise<Finding> {
  try {
    const { checkShared } = await import('../ledger/postgres-commands.ts');
    return ok(`${await checkShared(url)}: the shared ledger can be used`);
  } catch (error) {
    const { problem: kind, message } = StoreError.from('--ledger.url', error);
    return problem(`${message}. ${HINTS[kind]}`);
  }
}

/** Writes a file to the directory and removes it. */
function checkFiles(directory: string): Finding {
  try {
    if (!existsSync(directory)) {
      accessSync(firstExisting(directory), constants.W_OK | constants.X_OK);
      return ok(`${directory}: is not there yet, and can be made`);
    }
    probe(directory);
    if (!hasLedger(directory)) return ok(`${directory}: can be written; no ledger is in it yet`);
    readCrashes(directory, {}, () => undefined);
    return ownerMismatch(directory) ?? ok(`${directory}: the ledger can be read and written`);
  } catch (error) {
    const { problem: kind, message } = StoreError.from(directory, error);
    const owner = kind === 'read_only' ? ` ${ownerOf(firstExisting(directory))};` : '';
    return problem(`${message}.${owner} ${HINTS[kind]}`);
  }
}

/** Returns a problem if the ledger's owner is not its directory's, as after a run of the exporter as root. */
function ownerMismatch(directory: string): Finding | undefined {
  const path = databasePath(directory);
  const { uid } = statSync(directory);
  if (!existsSync(path) || statSync(path).uid === uid) return undefined;
  return problem(`${ownerOf(path)}, its directory to user ${uid}: chown it to that user`);
}

function ownerOf(path: string): string {
  const { mode, gid, uid } = statSync(path);
  return `${path} belongs to user ${uid}, group ${gid}, mode ${(mode & 0o7777).toString(8)}`;
}

function firstExisting(path: string): string {
  let at = path;
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at);
  return at;
}
