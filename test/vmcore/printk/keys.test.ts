import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { neededKey, optionalOffset } from '../../../src/vmcore/printk/keys.ts';
import { thrownBy } from '../../support/system/thrown.ts';

describe('a key of the log', () => {
  it('that is needed is Corrupt where it is missing, or too large for a struct', () => {
    expect(neededKey(112, 'SIZE(printk_info)')).toBe(112);
    for (const value of [undefined, 4097]) {
      const error = thrownBy(() => neededKey(value, 'SIZE(printk_info)'));
      expect(error).toMatchObject({ tag: 'Corrupt' });
      expect(error.message).toContain(`want SIZE(printk_info), got ${value ?? 'none'}`);
    }
  });

  it('that not every kernel has may be missing, and not too large', () => {
    const info = new Vmcoreinfo('OFFSET(printk_info.seq)=0\nOFFSET(printk_info.caller_id)=5000\n');
    expect(optionalOffset(info, 'printk_info.seq')).toBe(0);
    expect(optionalOffset(info, 'printk_info.dev_info')).toBeUndefined();
    expect(thrownBy(() => optionalOffset(info, 'printk_info.caller_id')).tag).toBe('Corrupt');
  });
});
