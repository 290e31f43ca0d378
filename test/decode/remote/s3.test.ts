// Dumps in a bucket of a real store, OpenStack Swift.

import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, expect } from 'vitest';

import { type Ended, run } from '../../support/daemon/program.ts';
import { fixture } from '../../support/dumps/fixtures.ts';
import { type Swift, startSwift, swiftTool } from '../../support/system/swift.ts';

const DUMP = 'x86_64-7.3.4.zlib';
const OBJECT = 's3://dumps/host 7/2026-10-03?#%/vmcore';

function failureIn({ code, stdout }: Ended): unknown {
  expect(code).toBe(1);
  return (JSON.parse(stdout) as { error: unknown }).error;
}

swiftTool.describe('decode s3://BUCKET/KEY', () => {
  let swift: Swift;
  beforeAll(async () => {
    if (swiftTool.missing) return;
    swift = await startSwift();
    await swift.client.send(new CreateBucketCommand({ Bucket: 'dumps' }));
    const Key = OBJECT.slice('s3://dumps/'.length);
    const Body = readFileSync(fixture(DUMP));
    await swift.client.send(new PutObjectCommand({ Bucket: 'dumps', Key, Body }));
  });
  afterAll(() => swift.stop());

  const decode = (path: string, environment: Record<string, string> = {}): Promise<Ended> =>
    run(['decode', '--json', path], { ...swift.environment, ...environment });

  swiftTool.it('says what it says of the file, whatever characters the key has', async () => {
    const ended = await decode(OBJECT);
    expect(ended.stderr).toBe('');
    const { stdout } = await run(['decode', '--json', fixture(DUMP)]);
    expect(JSON.parse(ended.stdout)).toEqual({ ...(JSON.parse(stdout) as object), file: OBJECT });
    expect(ended.code).toBe(0);
  });

  swiftTool.it('says that there is no such object', async () => {
    const error = failureIn(await decode('s3://dumps/missing'));
    expect(error).toMatchObject({ reason: 'io', message: 's3://dumps/missing: no such file' });
  });

  swiftTool.it('calls a wrong secret a matter of permission, and does not show it', async () => {
    const ended = await decode(OBJECT, { AWS_SECRET_ACCESS_KEY: 'n0t-th1s' });
    expect(failureIn(ended)).toMatchObject({
      reason: 'permission',
      message: `${OBJECT}: got 403 SignatureDoesNotMatch`,
    });
    expect(ended.stdout + ended.stderr).not.toMatch(/n0t-th1s|X-Amz/);
  });

  swiftTool.it('says that there are no credentials', async () => {
    const none = {
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_EC2_METADATA_DISABLED: '1',
    };
    expect(failureIn(await decode(OBJECT, none))).toMatchObject({ reason: 'permission' });
  });

  swiftTool.it('says what a path must look like', async () => {
    expect(failureIn(await decode('s3://dumps'))).toMatchObject({
      reason: 'io',
      message: 's3://dumps: want s3://BUCKET/KEY',
    });
  });
});
