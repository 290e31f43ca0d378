// Entry of the thread that compares passwords with bcrypt hashes. One comparison takes from 3 ms to 2 s of
// CPU time, and scrapes must not wait for it.

import { bcryptVerify } from 'hash-wasm';
import { answerRequests } from '../thread.ts';

/** A password and the hash to compare it with. Passwords are bytes, as in Go: clients choose the encoding. */
export interface Comparison {
  readonly password: Uint8Array;
  readonly hash: string;
  /**
   * A refusal takes as long as with a hash of this cost, so that the time does not show whether the user
   * exists.
   */
  readonly cost: number;
}

/** bcrypt ignores the rest of a longer password. */
const MAX_BYTES = 72;

answerRequests(compare);

async function compare({ password, hash, cost }: Comparison): Promise<boolean> {
  // bcrypt's key is the password with a zero byte, repeated: for an empty password one zero byte.
  const bytes = password.length === 0 ? new Uint8Array(1) : password.subarray(0, MAX_BYTES);
  if (await bcryptVerify({ password: bytes, hash })) return true;
  // The comparison took 2^c rounds; 2^c + 2^(c+1) + ... + 2^(cost-1) more add up to 2^cost.
  for (let c = costOf(hash); c < cost; c++) {
    await bcryptVerify({ password: bytes, hash: dummyHash(c) });
  }
  return false;
}

/** Returns the cost in a bcrypt hash: the binary logarithm of its rounds. */
function costOf(hash: string): number {
  return Number(hash.split('$')[2]);
}

function dummyHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
}
