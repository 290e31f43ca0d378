// SHA-256 by Node itself.

import { hash } from 'node:crypto';

/** The SHA-256 of the text in UTF-8, in hexadecimal. */
export function sha256(text: string): string {
  return hash('sha256', text);
}
