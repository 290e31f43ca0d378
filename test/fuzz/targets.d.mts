/** By name what to call with the bytes. */
export function targets(
  load: (path: string) => Promise<object>,
): Promise<Record<string, (data: Uint8Array) => void>>;
