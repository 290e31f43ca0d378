// The log that kdump tools write as text beside a dump, used if makedumpfile filtered out the kernel's own log.
// The text does not record who wrote its lines, so nothing in it is proof.

import { basename, dirname } from 'node:path';
import { FileError } from '../failure.ts';
import { isInBucket, isRemote, pathBeside } from '../file-path.ts';
import {
  type CrashReport,
  type LogFindings,
  VmcoreError,
  logFindings,
  readLogText,
} from '../vmcore/index.ts';
import { type RemoteFiles, openSource } from './file-source.ts';

/** Dumps with a directory of their own, and the texts beside them (kdump-utils, SUSE kdump). */
const ALONE = /^vmcore(\.flat|-incomplete)?$/;
const TEXTS_OF_ALONE = ['vmcore-dmesg.txt', 'vmcore-dmesg-incomplete.txt', 'dmesg.txt', 'dmesg'];
/** kdump-tools: `dump.202610030405` has `dmesg.202610030405`. */
const STAMPED = /^(?:dump|vmcore)\.(\d{12})(?:\.\w{1,8})?$/;
/** kdump-tools if makedumpfile failed: in the directory `202610030405` or `HOST-202610030405`. */
const GIVEN_UP = /^(?:dump|vmcore)-incomplete(?:\.\w{1,8})?$/;
const STAMPED_DIRECTORY = /(?:^|-)(\d{12})$/;
/** A larger log is not of one boot. */
const MAX_BYTES = 16 << 20;
/** Text does not contain the page size; this is that of most machines. */
const PAGE_BYTES = 4096;

/**
 * If the dump has no log, returns its report with the findings in the text beside it.
 *
 * @param root the directory that must contain the text; undefined: that of the dump.
 * @param remote reads the text if the dump is in a bucket; a single URL gives access to no other object.
 */
export function withLogBeside(
  report: CrashReport,
  path: string,
  { root, remote }: { readonly root?: string; readonly remote?: RemoteFiles | undefined },
): CrashReport {
  if (report.log.source !== 'absent' || (isRemote(path) && !isInBucket(path))) {
    return report;
  }
  for (const name of textNames(path)) {
    const text = readBeside(pathBeside(path, name), root ?? dirname(path), remote);
    const findings = text === undefined ? undefined : findingsOf(text);
    if (findings === undefined) continue;
    return { ...report, ...findings, panicMessage: findings.crash?.panic ?? null };
  }
  return report;
}

function textNames(path: string): readonly string[] {
  const name = basename(path);
  const stamp = GIVEN_UP.test(name)
    ? STAMPED_DIRECTORY.exec(basename(dirname(path)))?.[1]
    : STAMPED.exec(name)?.[1];
  const stamped = stamp === undefined ? [] : [`dmesg.${stamp}`];
  return ALONE.test(name) ? [...TEXTS_OF_ALONE, ...stamped] : stamped;
}

function findingsOf(text: string): LogFindings | undefined {
  try {
    const { format, records, truncated } = readLogText(text);
    if (records.length === 0) return undefined;
    return logFindings({ source: format, records, truncated }, { pageSize: PAGE_BYTES });
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
}

/** Undefined if the text is missing or unreadable: the dump is not at fault. */
function readBeside(
  path: string,
  root: string,
  remote: RemoteFiles | undefined,
): string | undefined {
  try {
    return readText(path, root, remote);
  } catch (error) {
    if (error instanceof FileError || error instanceof VmcoreError) return undefined;
    throw error;
  }
}

/** @throws FileError. */
function readText(path: string, root: string, remote: RemoteFiles | undefined): string | undefined {
  const source = openSource(path, root, remote);
  try {
    if (source.size > MAX_BYTES) return undefined;
    return new TextDecoder().decode(source.read(0, source.size));
  } finally {
    source.close();
  }
}
