// Parses the web configuration from YAML to the shape of schema.ts; every error names file, line and key.

import {
  type Document,
  LineCounter,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
} from 'yaml';
import type { z } from 'zod';
import { FILE, type WebConfigFile } from './schema.ts';

const MAX_DEPTH = 8;
const MAX_ALIASES = 10;
/** Scalars that are null if written without quotes. */
const NULL = /^(~|null|Null|NULL|)$/;

/** An invalid web configuration: `FILE:LINE: KEY: what is wrong`. */
export class WebConfigError extends Error {}

type KeyPath = readonly (string | number)[];

/** The parsed file, and a function that locates errors in it. */
export interface ParsedWebConfig {
  readonly file: WebConfigFile;
  /** Returns the error for a key of the file. */
  readonly errorAt: (key: KeyPath, what: string) => WebConfigError;
}

/** @throws WebConfigError naming the first error. */
export function parseWebConfig(name: string, text: string): ParsedWebConfig {
  const lines = new LineCounter();
  // Scalars remain text, as for Go's string fields: a user 0123 is not 123.
  const document = parseDocument(text, {
    schema: 'failsafe',
    lineCounter: lines,
    prettyErrors: false,
  });
  const [broken] = [...document.errors, ...document.warnings];
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0]);
    throw new WebConfigError(`${name}:${line}: YAML: ${firstLine(broken.message)}`);
  }
  const errorAt = (key: KeyPath, what: string): WebConfigError => {
    const offset = offsetOf(document, key);
    const line = offset === undefined ? '' : `:${lines.linePos(offset).line}`;
    const where = key.length === 0 ? '' : `${key.join('.')}: `;
    return new WebConfigError(`${name}${line}: ${where}${what}`);
  };
  const parsed = FILE.safeParse(plainData(document, errorAt) ?? {});
  if (parsed.success) return { file: parsed.data, errorAt };
  const { path, message } = firstIssue(parsed.error);
  throw errorAt(path, message);
}

/**
 * Converts to text, null, arrays and objects; users to a Map, because their names may be anything, even
 * `__proto__`.
 */
function plainData(document: Document, errorAt: ParsedWebConfig['errorAt']): unknown {
  let aliases = 0;
  const read = (node: unknown, key: KeyPath): unknown => {
    if (key.length > MAX_DEPTH) throw errorAt(key, 'nested too deeply');
    if (isAlias(node)) {
      if (++aliases > MAX_ALIASES) throw errorAt(key, 'too many aliases');
      return read(node.resolve(document), key);
    }
    if (isScalar(node)) {
      const text = String(node.value);
      return node.type === 'PLAIN' && NULL.test(text) ? null : text;
    }
    if (isSeq(node)) return node.items.map((item, i) => read(item, [...key, i]));
    if (!isMap(node)) return null;
    const entries = node.items.map(({ key: name, value }): [string, unknown] => {
      const text = isScalar(name) ? String(name.value) : String(name);
      return [text, read(value, [...key, text])];
    });
    return key.join() === 'basic_auth_users' ? new Map(entries) : Object.fromEntries(entries);
  };
  return read(document.contents, []);
}

function firstIssue({ issues }: z.ZodError): { path: KeyPath; message: string } {
  const [issue] = issues;
  if (issue === undefined) return { path: [], message: 'not a web configuration' };
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    return { path: [...path, issue.keys[0] ?? ''], message: 'unknown key' };
  }
  return { path, message: issue.message };
}

/** Returns the offset of a key in the text, or of its closest existing parent. */
function offsetOf(document: Document, key: KeyPath): number | undefined {
  for (let length = key.length; length > 0; length--) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(key.slice(0, length - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find(({ key: node }) => String(node) === String(key[length - 1]));
      if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
    }
    const node: unknown = document.getIn(key.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0];
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? message;
}
