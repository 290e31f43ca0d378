// Entry of the thread that compares passwords with bcrypt hashes: one comparison takes from 3 ms to 2 s
// of a processor, and scrapes must not wait for it.

import { bcryptVerify } from 'hash-wasm';
import { answerRequests } from '../thread.ts';

/** What to compare. Passwords are bytes, as in Go: a client's encoding is its own business. */
export interface Comparison {
  readonly password: Uint8Array;
  readonly hash: string;
  /** A refusal takes as long as with a hash of this cost, so that its time says nothing about the user. */
  readonly cost: number;
}

/** bcrypt reads no more of a password. */
const MAX_BYTES = 72;

answerRequests(compare);

async function compare({ password, hash, cost }: Comparison): Promise<boolean> {
  // bcrypt's key ends in a zero byte and is repeated: that of an empty password is one zero.
  const bytes = password.length === 0 ? new Uint8Array(1) : password.subarray(0, MAX_BYTES);
  if (await bcryptVerify({ password: bytes, hash })) return true;
  // 2^c rounds were done: 2^c, 2^(c+1), ..., 2^(cost-1) more make 2^cost.
  for (let c = costOf(hash); c < cost; c++) {
    await bcryptVerify({ password: bytes, hash: hashOfNobody(c) });
  }
  return false;
}

/** Cost of a bcrypt hash: the logarithm of its rounds. */
function costOf(hash: string): number {
  return Number(hash.split('$')[2]);
}

function hashOfNobody(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
}
