// Access to dumps behind URLs and in buckets, for a command.

import { isRemote } from '../file-path.ts';
import type { HttpSettings } from '../decode/remote/http-object.ts';
import type { RemoteObjects } from '../decode/remote/remote-objects.ts';

/** Returns a reader of remote objects; undefined, without loading its modules, if no path is a URL. */
export async function remoteObjects(
  paths: readonly string[],
  settings: HttpSettings,
): Promise<RemoteObjects | undefined> {
  if (!paths.some(isRemote)) return undefined;
  const { RemoteObjects } = await import('../decode/remote/remote-objects.ts');
  return new RemoteObjects(settings);
}
