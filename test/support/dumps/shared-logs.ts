/** Excerpts of real kernel logs beside the checkout, in ../shared/logs, with what they tell. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { LogRecord } from '../../../src/vmcore/printk/record.ts';
import { sharedVmcores } from './shared-vmcores.ts';

interface Expected {
  readonly t: number;
  readonly category: string;
  readonly severity: string;
  readonly source: string;
  readonly count: number;
  readonly part: Readonly<Record<string, unknown>> | null;
}

export interface Excerpt {
  readonly name: string;
  readonly records: readonly LogRecord[];
  readonly timesSynthetic: boolean;
  readonly expected: readonly Expected[];
  readonly crash: { readonly type: string } | null;
}

interface Stored extends Omit<Excerpt, 'name' | 'records'> {
  readonly lines: readonly {
    readonly t: number;
    readonly text: string;
    readonly facility?: number;
    readonly caller?: string;
    readonly device?: string;
  }[];
}

/** Undefined when this machine has none. */
export function sharedLogs(): readonly Excerpt[] | undefined {
  const vmcores = sharedVmcores();
  const folder = vmcores === undefined ? undefined : join(dirname(vmcores), 'logs');
  if (folder === undefined || !existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => /^\d.*\.json$/.test(name));
  return names.sort().map((name) => {
    const { lines, ...rest } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Stored;
    const records = lines.map(({ t, text, facility = 0, caller = null, device = null }) => ({
      ...{ timeSeconds: t, facility, level: null, caller, device, text },
    }));
    return { name, records, ...rest };
  });
}
