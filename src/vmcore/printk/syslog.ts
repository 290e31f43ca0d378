// Names of syslog(3) by number, as printed by dmesg -x.

export const FACILITIES: readonly string[] = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron'],
  ...['authpriv', 'ftp', 'res0', 'res1', 'res2', 'res3', 'local0', 'local1', 'local2', 'local3'],
  ...['local4', 'local5', 'local6', 'local7'],
];

export const LEVELS: readonly string[] = [
  ...['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'],
];
