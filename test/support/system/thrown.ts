// What a call throws, for tests that look at more than one of its fields.

import { VmcoreError } from '../../../src/vmcore/errors.ts';

/** The VmcoreError that `call` throws; anything else fails the test. */
export function thrownBy(call: () => unknown): VmcoreError {
  try {
    call();
  } catch (error) {
    if (error instanceof VmcoreError) return error;
    throw error;
  }
  throw new Error('want a VmcoreError, got none');
}
