/**
 * Preloaded into the daemon, to be asked from outside: how long its event loop kept a timer waiting
 * since it was asked last, and what its main thread still refers to: nothing else of its memory tells
 * growth from garbage.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const RESOLUTION_MS = 10;

if (isMainThread && process.channel) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const delay = (nanoseconds) => nanoseconds / 1e6 - RESOLUTION_MS; // it counts the wait itself
  process.on('message', () => {
    const loopDelay = { p99: delay(histogram.percentile(99)), max: delay(histogram.max) };
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    process.send({ loopDelay, liveBytes: heapUsed + external });
    histogram.reset();
  });
  process.channel.unref();
}
