// A web configuration that follows its files, because certificates are renewed while the exporter runs. The
// files are polled, because file-system events get lost; an invalid file is logged and otherwise ignored. As
// in exporter-toolkit, switching TLS on or off takes a restart.

import { statSync } from 'node:fs';
import { messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { type WebConfig, loadWebConfig } from './web-config.ts';

const POLL_MS = 2000;

/** The current web configuration. */
export interface WatchedWebConfig {
  /** Returns the last valid configuration. */
  readonly current: () => WebConfig;
  /** Registers a listener for new configurations. */
  readonly onChange: (listener: (config: WebConfig) => void) => void;
  /** Reads the files now, even if they did not change. */
  readonly reload: () => void;
  readonly close: () => void;
}

/**
 * Loads a web configuration and follows its files.
 *
 * @throws WebConfigError if the file is invalid at the start.
 */
export function watchWebConfig(path: string, log: Logger): WatchedWebConfig {
  let config = loadWebConfig(path);
  let versions = versionsOf(config.files);
  let lastError: string | undefined;
  const listeners: ((config: WebConfig) => void)[] = [];
  const reload = (): void => {
    const before = config;
    versions = versionsOf(before.files);
    try {
      config = loadWebConfig(path);
    } catch (error) {
      const message = messageOf(error);
      if (message !== lastError) {
        log.error('cannot read the web configuration, the previous one stays in use', {
          error: message,
        });
      }
      lastError = message;
      return;
    }
    lastError = undefined;
    if ((config.tls === undefined) !== (before.tls === undefined)) {
      config = { ...config, tls: before.tls };
      log.warn('switching TLS on or off needs a restart', { path });
    }
    // `versions` is from before reading, so files written meanwhile are read again.
    if (config.files.join('\n') !== before.files.join('\n')) versions = versionsOf(config.files);
    for (const listener of listeners) listener(config);
    log.info('web configuration read', { path });
  };
  const timer = setInterval(() => {
    if (lastError !== undefined || versionsOf(config.files) !== versions) reload();
  }, POLL_MS).unref();
  return {
    current: () => config,
    onChange: (listener) => {
      listeners.push(listener);
    },
    reload,
    close: () => {
      clearInterval(timer);
    },
  };
}

function versionsOf(files: readonly string[]): string {
  return files.map(versionOf).join('\n');
}

function versionOf(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch (error) {
    return messageOf(error);
  }
}
