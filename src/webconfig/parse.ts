// From YAML text to the shape of schema.ts, with every mistake located: file, line, key.

import { LineCounter, type Document, isNode, isMap, parseDocument } from 'yaml';
import type { z } from 'zod';
import { FILE, type WebConfigFile } from './schema.ts';

/** A web configuration that cannot be used: `FILE:LINE: KEY: what is wrong`. */
export class WebConfigError extends Error {}

type KeyPath = readonly (string | number)[];

/** The file, and a way to name a place in it. */
export interface ParsedWebConfig {
  readonly file: WebConfigFile;
  /** The error for a key of this file. */
  readonly errorAt: (key: KeyPath, what: string) => WebConfigError;
}

/** @throws WebConfigError naming the first mistake. */
export function parseWebConfig(name: string, text: string): ParsedWebConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
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
  const parsed = FILE.safeParse(document.toJS({ maxAliasCount: 10 }) ?? {});
  if (parsed.success) return { file: parsed.data, errorAt };
  const { path, message } = firstIssue(parsed.error);
  throw errorAt(path, message);
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

/** Where a key, or as much of it as there is, stands in the text. */
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
