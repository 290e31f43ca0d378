// What happened in a run, with the time it took: shown, and kept in test/lab/runs with HWERR_UPDATE=1.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const KEPT: string = fileURLToPath(new URL('runs/', import.meta.url));

export function updating(): boolean {
  return Boolean(process.env['HWERR_UPDATE']);
}

export class RunRecord {
  readonly #startMs: number = performance.now();
  readonly #lines: string[];
  readonly #folder: string;

  /** @param folder whose name is nobody's business. */
  constructor(title: string, folder: string) {
    this.#lines = [title];
    this.#folder = folder;
  }

  get seconds(): number {
    return Math.round((performance.now() - this.#startMs) / 1000);
  }

  tell(text: string): void {
    const line = `[${String(this.seconds).padStart(4)} s] ${text.replaceAll(this.#folder, '')}`;
    console.log(line);
    this.#lines.push(line);
  }

  /** @param name without its ending. */
  keep(name: string): void {
    if (updating()) writeFileSync(join(KEPT, `${name}.txt`), `${this.#lines.join('\n')}\n`);
  }

  /** Beside those of earlier runs. @param name without its number and its ending. */
  keepAnother(name: string): void {
    let number = 1;
    while (existsSync(join(KEPT, `${name}-${number}.txt`))) number++;
    this.keep(`${name}-${number}`);
  }
}
