// Records of /dev/kmsg and of netconsole's extended format: `3,416,58278505,-;text`, followed by lines with the
// properties of the device (kernel/printk/printk.c info_print_ext_header(),
// msg_print_ext_body(); Documentation/ABI/testing/dev-kmsg).

import { CAPS } from '../limits.ts';
import { linesOf } from './lines.ts';
import { recordText } from './record-text.ts';
import type { LogRecord } from './record.ts';

/** Priority, sequence, microseconds since boot, flags, fields of newer kernels; before them netconsole's release. */
const HEADER =
  /^(?:\d{1,3}\.[\w.+~-]{1,64},)?(\d{1,5}),\d{1,20},(\d{1,20}),[-c+](?:,[\w=.,/-]{0,200})?;/;
const CALLER = /,caller=([TC]\d{1,10})[,;]/;
const DEVICE = /^ DEVICE=(\S{1,255})$/;

/** Whether a line is the first of a record. */
export function isKmsg(line: string): boolean {
  return HEADER.test(line);
}

/** Yields the records; skips other lines, and other properties of a device. */
export function* kmsgRecords(text: string): Generator<LogRecord> {
  let last: LogRecord | undefined;
  for (const whole of linesOf(text)) {
    const line = whole.slice(0, CAPS.logRecordBytes);
    const header = HEADER.exec(line);
    if (header !== null) {
      if (last !== undefined) yield last;
      last = recordOf(header, line);
    }
    const device = DEVICE.exec(line);
    if (device !== null && last !== undefined) last = { ...last, device: device[1] ?? null };
  }
  if (last !== undefined) yield last;
}

function recordOf([head, priority, micros]: RegExpExecArray, line: string): LogRecord {
  return {
    timeSeconds: Number(micros) / 1e6,
    facility: Number(priority) >> 3,
    level: Number(priority) & 7,
    caller: CALLER.exec(head)?.[1] ?? null,
    device: null,
    text: unescaped(line.slice(head.length)),
  };
}

/** The kernel writes each byte that is not printable ASCII, and a backslash, as `\x0a`. */
function unescaped(text: string): string {
  return text.replace(/(?:\\x[0-9a-f]{2})+/g, (escapes) => {
    const bytes = escapes.split('\\x').slice(1);
    return recordText(Uint8Array.from(bytes, (hex) => Number.parseInt(hex, 16)));
  });
}
