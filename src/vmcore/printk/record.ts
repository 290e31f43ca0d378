/** A record of the kernel's log, independent of its source: ring, legacy buffer or text. */
export interface LogRecord {
  /** Seconds since boot by the record's clock; null if the source has none. */
  readonly timeSeconds: number | null;
  /** syslog facility: 0 is the kernel, others came through /dev/kmsg; null: not in the text. */
  readonly facility: number | null;
  /** syslog level, 0 (emergency) to 7 (debug); null: unknown. */
  readonly level: number | null;
  /** `T55` for a thread, `C12` for a CPU; null: unknown. */
  readonly caller: string | null;
  /** Device of the line, as stored by dev_printk: `+pci:0000:01:00.0`; null: none. */
  readonly device: string | null;
  /** Text without prefix; may be several lines. */
  readonly text: string;
  /** Whether it is the first one of another boot than those before; undefined: no. */
  readonly beginsBoot?: boolean;
}

/** An entry found while reading the log backwards. */
export type LogEntry =
  /** `seq` counts records since boot; null if the source does not. */
  | { readonly kind: 'record'; readonly record: LogRecord; readonly seq: number | null }
  /** Number of records for which the kernel had no space. */
  | { readonly kind: 'lost'; readonly count: number }
  /** At least one record that is not in the dump, or is inconsistent. */
  | { readonly kind: 'unreadable' }
  /** The last entry: older records were not read because of the limits. */
  | { readonly kind: 'truncated' };
