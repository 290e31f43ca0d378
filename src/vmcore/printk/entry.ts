// What a walk back through the kernel's log comes by.

import type { LogRecord } from './record.ts';

export type LogEntry =
  /** `seq` counts the records since boot; null where the source does not. */
  | { readonly kind: 'record'; readonly record: LogRecord; readonly seq: number | null }
  /** So many records that the kernel had no room for. */
  | { readonly kind: 'lost'; readonly count: number }
  /** At least one record that is not in the dump, or makes no sense there. */
  | { readonly kind: 'unreadable' }
  /** The last entry: what is older was not read, because a log may cost only so much. */
  | { readonly kind: 'truncated' };
