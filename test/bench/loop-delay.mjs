/** Preloaded into the daemon: how long its event loop kept a timer waiting since it was asked last. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const RESOLUTION_MS = 10;

if (isMainThread && process.channel) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  process.on('message', () => {
    const delay = (nanoseconds) => nanoseconds / 1e6 - RESOLUTION_MS; // it counts the wait itself
    process.send({ p99: delay(histogram.percentile(99)), max: delay(histogram.max) });
    histogram.reset();
  });
  process.channel.unref();
}
