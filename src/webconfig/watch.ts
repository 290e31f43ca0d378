// A web configuration that follows its files: certificates are renewed under a running exporter. The
// files are looked at every few seconds, for file-system events get lost; a bad file changes nothing but
// the log. As in exporter-toolkit, TLS is on or off for as long as the process runs.

import { statSync } from 'node:fs';
import { messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { type WebConfig, loadWebConfig } from './web-config.ts';

const EVERY_MS = 2000;

/** The web configuration of the moment. */
export interface WatchedWebConfig {
  /** The last one that could be used. */
  readonly current: () => WebConfig;
  /** Called with every new one. */
  readonly onChange: (listener: (config: WebConfig) => void) => void;
  /** Read the files now, changed or not. */
  readonly reload: () => void;
  readonly close: () => void;
}

/**
 * Loads a web configuration and follows its files.
 *
 * @throws WebConfigError when the file is bad now.
 */
export function watchWebConfig(path: string, log: Logger): WatchedWebConfig {
  let config = loadWebConfig(path);
  let versions = versionsOf(config.files);
  let complaint: string | undefined;
  const listeners: ((config: WebConfig) => void)[] = [];
  const reload = (): void => {
    const before = config;
    versions = versionsOf(before.files);
    try {
      config = loadWebConfig(path);
    } catch (error) {
      const message = messageOf(error);
      if (message !== complaint) {
        log.error('web configuration not read, the one before stays', { error: message });
      }
      complaint = message;
      return;
    }
    complaint = undefined;
    if ((config.tls === undefined) !== (before.tls === undefined)) {
      config = { ...config, tls: before.tls };
      log.warn('TLS is switched on and off by a restart only', { path });
    }
    // Versions from before the reading: what was written meanwhile is read again.
    if (config.files.join('\n') !== before.files.join('\n')) versions = versionsOf(config.files);
    for (const listener of listeners) listener(config);
    log.info('web configuration read', { path });
  };
  const timer = setInterval(() => {
    if (complaint !== undefined || versionsOf(config.files) !== versions) reload();
  }, EVERY_MS).unref();
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
