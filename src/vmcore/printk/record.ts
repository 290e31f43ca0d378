/** One record of the kernel's log, as it was stored. The readers of the ring, of the legacy buffer and of text all give this. */
export interface LogRecord {
  /** Seconds since boot, of the record's own clock; null where the source has none. */
  readonly timeSeconds: number | null;
  /** syslog facility: 0 is the kernel, anything else came through /dev/kmsg; null: text that does not say. */
  readonly facility: number | null;
  /** syslog level 0 (emergency) to 7 (debug); null: not said. */
  readonly level: number | null;
  /** `T55` a thread, `C12` a CPU; null: not said. */
  readonly caller: string | null;
  /** Device the line is of, as dev_printk stored it: `+pci:0000:01:00.0`; null: none. */
  readonly device: string | null;
  /** Text without prefix; may be several lines. */
  readonly text: string;
}

/** What a walk back through the log comes by. */
export type LogEntry =
  /** `seq` counts the records since boot; null where the source does not. */
  | { readonly kind: 'record'; readonly record: LogRecord; readonly seq: number | null }
  /** So many records that the kernel had no room for. */
  | { readonly kind: 'lost'; readonly count: number }
  /** At least one record that is not in the dump, or makes no sense there. */
  | { readonly kind: 'unreadable' }
  /** The last entry: what is older was not read, because a log may cost only so much. */
  | { readonly kind: 'truncated' };
