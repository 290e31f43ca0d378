/**
 * Number of directories below a watched one that are read at a time: most of a scan is waiting, for a thread that reads
 * and for this one, which may have requests to answer. Each may block a thread of libuv's pool on a hung mount.
 */
export const SCAN_LANES = 4;
