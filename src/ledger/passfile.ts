// Reads the password of a database from a file, as libpq does (PostgreSQL manual, "The Password File").

import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../failure.ts';

/** The fields by which a line is selected, in the order of the file. */
interface Connection {
  readonly host: string;
  readonly port: number;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
}

/** @throws Error that says why the file has no password for this connection. */
export function passwordInFile({ host, port, database, user }: Connection): string {
  const path = process.env['PGPASSFILE'] ?? join(homedir(), '.pgpass');
  const wanted = [host, String(port), database, user];
  for (const line of linesOf(path)) {
    const [, ...fields] = LINE.exec(line) ?? [];
    const password = fields.pop();
    const isFor = wanted.every((name, i) => fields[i] === '*' || plain(fields[i]) === name);
    if (password !== undefined && isFor) return plain(password);
  }
  throw new Error(`the password is missing: ${path} has no line for ${wanted.join(':')}`);
}

/** Four fields and the password, which is the rest of the line. A backslash escapes the next character. */
const FIELD = String.raw`((?:\\.|[^:\\])*)`;
const LINE = new RegExp(`^${FIELD}:${FIELD}:${FIELD}:${FIELD}:(.*)$`);
const OTHERS = 0o077;

function linesOf(path: string): string[] {
  let text: string;
  try {
    if ((statSync(path).mode & OTHERS) !== 0) throw new Error('others may read or write it');
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`the password is missing: ${path}: ${messageOf(error)}`, { cause: error });
  }
  return text.split(/\r?\n/).filter((line) => !line.startsWith('#'));
}

function plain(field = ''): string {
  return field.replace(/\\(.)/g, '$1');
}
