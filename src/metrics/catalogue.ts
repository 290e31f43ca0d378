// Every metric: its name, type, labels, and what it tells, from where. Data, no code.

type MetricType = 'counter' | 'gauge' | 'histogram';

export interface MetricDefinition {
  readonly type: MetricType;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly buckets?: readonly number[];
}

const COUNTED =
  'The kernel never counts corrected errors; others holds recovered x86 machine checks; pci holds AER ' +
  'non-fatal errors and firmware records; cpu, memory and cxl come from firmware (APEI/GHES) records ' +
  'alone, of which current kernels count the informational ones.';

const METRICS = {
  hwerr_recoverable_errors_total: {
    type: 'counter',
    labels: ['category'],
    help: `Hardware errors that kernels survived before they crashed: hwerr_data of their dumps, summed over all distinct crashes recorded. ${COUNTED}`,
  },
  hwerr_last_error_timestamp_seconds: {
    type: 'gauge',
    labels: ['category'],
    help: 'Unix time of the newest hardware error in any crash recorded, by the clock of the kernel that crashed, from hwerr_data; 0 = never.',
  },
  hwerr_last_error_age_seconds: {
    type: 'gauge',
    labels: ['category'],
    help: 'Seconds from the newest hardware error in any crash recorded to this scrape; absent if there was none.',
  },
  hwerr_suspect_crashes_total: {
    type: 'counter',
    labels: ['category'],
    help: 'Distinct crashes recorded whose last error of the category came within --hwerr.suspect-window before the panic: CRASHTIME of VMCOREINFO minus the last time in hwerr_data.',
  },
  hwerr_crashes_total: {
    type: 'counter',
    help: 'Distinct kernel crashes recorded, however many dump files describe one.',
  },
  hwerr_last_crash_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time of the newest crash recorded: CRASHTIME of its VMCOREINFO; 0 = never, or not in its dump.',
  },
  hwerr_last_crash_recoverable_errors: {
    type: 'gauge',
    labels: ['category'],
    help: `Hardware errors that the kernel of the newest crash survived from its boot on; absent where its dump does not say. ${COUNTED}`,
  },
  hwerr_last_crash_error_lead_seconds: {
    type: 'gauge',
    labels: ['category'],
    help: 'Seconds from the last hardware error to the panic, in the newest crash; absent if there was none, the dump has no CRASHTIME, or the clock was set back in between.',
  },
  hwerr_last_crash_info: {
    type: 'gauge',
    labels: ['kernel_release', 'arch', 'format', 'compression', 'hwerr'],
    help: 'The newest crash: kernel, dump format, and whether its counters could be read. Always 1.',
  },
  hwerr_live_recoverable_errors_total: {
    type: 'counter',
    labels: ['category'],
    help: `Hardware errors that the running kernel has survived since its boot, by --live.kcore or /sys/kernel/hwerr_recovery_stats; absent where they cannot be read. If it crashes, hwerr_recoverable_errors_total counts the same errors again: never add the two. ${COUNTED}`,
  },
  hwerr_live_last_error_timestamp_seconds: {
    type: 'gauge',
    labels: ['category'],
    help: 'Unix time of the newest hardware error that the running kernel has survived, by its clock; 0 = none since boot; absent where it cannot be read, as with /sys/kernel/hwerr_recovery_stats.',
  },
  hwerr_dumps_present: {
    type: 'gauge',
    labels: ['state'],
    help: 'Decoded dump files on disk now; incomplete ones broke off while they were written.',
  },
  hwerr_dumps_present_bytes: {
    type: 'gauge',
    labels: ['state'],
    help: 'Size of the decoded dump files on disk now.',
  },
  hwerr_dumps_discovered_total: {
    type: 'counter',
    help: 'Files found in the dump directories that may be dumps, since the exporter started.',
  },
  hwerr_dumps_decoded_total: {
    type: 'counter',
    help: 'Dump files decoded and recorded since the exporter started, with counters or without.',
  },
  hwerr_dumps_without_hwerr_data_total: {
    type: 'counter',
    help: 'Dump files of kernels that keep no hwerr_data (before Linux 6.19): expected, no failure. A copy counts no second time.',
  },
  hwerr_dump_decode_failures_total: {
    type: 'counter',
    labels: ['reason'],
    help: 'Files that gave no counters though they should have, by reason. A copy, or another try, counts no second time.',
  },
  hwerr_dump_decode_duration_seconds: {
    type: 'histogram',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300],
    help: 'Time to decode one dump file, in the worker thread.',
  },
  hwerr_decode_queue_length: { type: 'gauge', help: 'Dump files waiting to be decoded.' },
  hwerr_decodes_in_progress: {
    type: 'gauge',
    help: 'Dump files being decoded now, by the worker thread.',
  },
  hwerr_last_decode_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time of the end of the last decode; 0 = never.',
  },
  hwerr_directory_up: {
    type: 'gauge',
    labels: ['directory'],
    help: 'Whether the last scan of the dump directory could read it.',
  },
  hwerr_last_scan_timestamp_seconds: {
    type: 'gauge',
    labels: ['directory'],
    help: 'Unix time of the end of the last scan of the dump directory; 0 = never.',
  },
  hwerr_scan_duration_seconds: {
    type: 'gauge',
    labels: ['directory'],
    help: 'How long the last scan of the dump directory took.',
  },
  hwerr_watch_events_total: {
    type: 'counter',
    help: 'File-system events received for the dump directories.',
  },
  hwerr_watch_errors_total: {
    type: 'counter',
    help: 'Errors of the file-system watch. Periodic scans find what it misses.',
  },
  hwerr_ledger_state: {
    type: 'gauge',
    labels: ['state'],
    help: 'Whether the ledger can be written: 1 for its state. In any but ready, what is shown is what was durable before.',
  },
  hwerr_ledger_writes_total: {
    type: 'counter',
    help: 'Transactions committed to the ledger since the exporter started.',
  },
  hwerr_ledger_write_failures_total: {
    type: 'counter',
    help: 'Attempts to write the ledger that failed since the exporter started; what they held is kept and tried again.',
  },
  hwerr_ledgers_set_aside: {
    type: 'gauge',
    help: 'Damaged ledgers that lie beside the one in use, for somebody to examine and take away.',
  },
  hwerr_hosts_tracked: {
    type: 'gauge',
    help: 'Hosts that have metrics of their own, in central mode.',
  },
  hwerr_hosts_limit: {
    type: 'gauge',
    help: 'Most hosts that may have metrics of their own, in central mode: --central.max-hosts.',
  },
  hwerr_hosts_dropped_total: {
    type: 'counter',
    help: 'Hosts beyond --central.max-hosts, in central mode: their crashes are recorded, but have no metrics.',
  },
  hwerr_kexec_crash_loaded: {
    type: 'gauge',
    help: 'Whether a crash kernel is loaded, so that the next panic leaves a dump: /sys/kernel/kexec_crash_loaded, read every 10 s; absent where it does not say.',
  },
  hwerr_exporter_build_info: {
    type: 'gauge',
    labels: ['version', 'revision', 'node_version'],
    help: 'Version, commit and Node.js of the exporter itself. Always 1.',
  },
} satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;
export const CATALOGUE: Readonly<Record<MetricName, MetricDefinition>> = METRICS;
