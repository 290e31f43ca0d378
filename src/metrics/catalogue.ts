// The catalogue of metrics: names, types, labels and HELP texts. Data only.

type MetricType = 'counter' | 'gauge' | 'histogram';

/** Type, HELP text and labels of a metric, and the bucket bounds of a histogram. */
export interface MetricDefinition {
  readonly type: MetricType;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly buckets?: readonly number[];
}

const METRICS = {
  hwerr_recoverable_errors_total: {
    type: 'counter',
    labels: ['category'],
    help: 'Errors survived by kernels that crashed, by hwerr_data of their dumps. Corrected errors are never counted.',
  },
  hwerr_last_error_timestamp_seconds: {
    type: 'gauge',
    labels: ['category'],
    help: 'Unix time of the newest hardware error in any crash, by the clock of that machine; 0 = never.',
  },
  hwerr_last_error_age_seconds: {
    type: 'gauge',
    labels: ['category'],
    help: 'Seconds since the newest hardware error in any crash. In rules, prefer hwerr_last_error_timestamp_seconds.',
  },
  hwerr_suspect_crashes_total: {
    type: 'counter',
    labels: ['category'],
    help: 'Crashes within the suspect window after an error of the category. Judged once, when recorded.',
  },
  hwerr_recent_suspect_crashes: {
    type: 'gauge',
    labels: ['category'],
    help: 'Suspect crashes recorded in the last 30 days, and since "hwerr-exporter repaired" was last run for the host.',
  },
  hwerr_suspect_window_seconds: {
    type: 'gauge',
    help: 'An error at most this long before the panic marks the crash as suspect: --hwerr.suspect-window.',
  },
  hwerr_crashes_total: {
    type: 'counter',
    help: 'Distinct kernel crashes recorded, however many dump files describe one.',
  },
  hwerr_recent_crashes: {
    type: 'gauge',
    help: 'Crashes recorded in the last 24 hours, without those that were more than 14 days old by then.',
  },
  hwerr_last_crash_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time of the newest crash: CRASHTIME of its VMCOREINFO; 0 = never, or not in its dump.',
  },
  hwerr_last_crash_recoverable_errors: {
    type: 'gauge',
    labels: ['category'],
    help: 'Hardware errors that the kernel of the newest crash counted from boot to crash; absent if its dump does not say.',
  },
  hwerr_last_crash_error_lead_seconds: {
    type: 'gauge',
    labels: ['category'],
    help: 'Seconds from the last error to the panic, in the newest crash; absent if not known or the clock was set back.',
  },
  hwerr_last_crash_suspect: {
    type: 'gauge',
    labels: ['category'],
    help: 'Whether the newest crash was suspect when it was recorded; absent if its dump gives no counters.',
  },
  hwerr_last_crash_info: {
    type: 'gauge',
    labels: ['kernel_release', 'arch', 'format', 'compression', 'hwerr'],
    help: 'The newest crash: kernel, dump format, and whether its counters could be read. Always 1.',
  },
  hwerr_last_crash_recorded_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time when a crash last became known; 0 = never. Kept in the ledger. Used by the alerts.',
  },
  hwerr_last_recorded_crash_info: {
    type: 'gauge',
    labels: ['crash', 'kernel_release', 'found_late'],
    help: 'The crash recorded last: id, kernel, whether it was more than 14 days old when recorded. Always 1.',
  },
  hwerr_last_recorded_crash_cause_info: {
    type: 'gauge',
    labels: ['crash', 'verdict', 'category', 'part'],
    help: 'The crash recorded last: whether it was the hardware, and which part, according to its log. Always 1.',
  },
  hwerr_last_recorded_crash_timestamp_seconds: {
    type: 'gauge',
    labels: ['crash'],
    help: 'Unix time of the crash recorded last, by the clock of that machine; absent if its dump does not say.',
  },
  hwerr_last_recorded_crash_errors: {
    type: 'gauge',
    labels: ['crash', 'category'],
    help: 'Hardware errors that the kernel of the crash recorded last counted; absent if its dump does not say.',
  },
  hwerr_last_suspect_crash_recorded_timestamp_seconds: {
    type: 'gauge',
    labels: ['category'],
    help: 'Unix time when a crash was last found suspect; 0 = never. Kept in the ledger. Used by the alerts.',
  },
  hwerr_last_suspect_crash_info: {
    type: 'gauge',
    labels: ['category', 'crash', 'found_late'],
    help: 'The suspect crash recorded last: id, whether it was more than 14 days old when recorded. Always 1.',
  },
  hwerr_last_suspect_crash_timestamp_seconds: {
    type: 'gauge',
    labels: ['category', 'crash'],
    help: 'Unix time of the suspect crash recorded last, by the clock of that machine.',
  },
  hwerr_last_suspect_crash_errors: {
    type: 'gauge',
    labels: ['category', 'crash'],
    help: 'Hardware errors of the category that the kernel of the suspect crash recorded last counted.',
  },
  hwerr_last_suspect_crash_error_lead_seconds: {
    type: 'gauge',
    labels: ['category', 'crash'],
    help: 'Seconds from the last error of the category to the panic, in the suspect crash recorded last.',
  },
  hwerr_logged_errors_total: {
    type: 'counter',
    labels: ['category', 'severity'],
    help: "Hardware errors in the logs of kernels that crashed: a lower bound. Never add hwerr_data's counts.",
  },
  hwerr_crashes_by_type_total: {
    type: 'counter',
    labels: ['type'],
    help: 'Crashes by what the kernel died of; those whose dump has no log are in none of the types.',
  },
  hwerr_last_crash_logged_errors: {
    type: 'gauge',
    labels: ['category', 'severity'],
    help: 'Hardware errors in the log of the newest crash; absent if its dump has no log.',
  },
  hwerr_last_crash_logged_error_lead_seconds: {
    type: 'gauge',
    labels: ['category', 'severity'],
    help: 'Seconds from the last such error in the log to the panic, in the newest crash; absent if there is none.',
  },
  hwerr_last_crash_cause_info: {
    type: 'gauge',
    labels: ['type', 'verdict', 'signature'],
    help: 'The newest crash: what the kernel died of, whether it was the hardware, and a digest for equal faults. Always 1.',
  },
  hwerr_last_crash_part_info: {
    type: 'gauge',
    labels: ['category', 'severity', 'part'],
    help: 'Parts with hardware errors in the log of the newest crash, the newest 8. Always 1.',
  },
  hwerr_last_crash_hardware_info: {
    type: 'gauge',
    labels: ['vendor', 'model', 'bios'],
    help: 'The machine of the newest crash, as its log names it; absent if its dump has no log. Always 1.',
  },
  hwerr_live_recoverable_errors_total: {
    type: 'counter',
    labels: ['category'],
    help: 'Errors the running kernel survived since boot. Its dump has them again: never add the two.',
  },
  hwerr_live_last_error_timestamp_seconds: {
    type: 'gauge',
    labels: ['category'],
    help: 'Unix time of the newest error the running kernel survived; 0 = none since boot; absent if it does not say.',
  },
  hwerr_dumps_present: {
    type: 'gauge',
    labels: ['state'],
    help: 'Decoded dump files and records of pstore on disk now, by whether they are complete.',
  },
  hwerr_dumps_present_bytes: {
    type: 'gauge',
    labels: ['state'],
    help: 'Size of the decoded dump files and records of pstore on disk now.',
  },
  hwerr_dumps_discovered_total: {
    type: 'counter',
    help: 'Files found that may be dumps or records of pstore, since the exporter started.',
  },
  hwerr_dumps_decoded_total: {
    type: 'counter',
    help: 'Dump files and records of pstore decoded since the exporter started, with counters or without.',
  },
  hwerr_dumps_without_hwerr_data_total: {
    type: 'counter',
    help: 'Dump files of kernels without hwerr_data (before Linux 6.19): no failure. Each distinct content counts once.',
  },
  hwerr_dump_decode_failures_total: {
    type: 'counter',
    labels: ['reason'],
    help: 'Files that gave no counters though they should have, by reason. Each distinct content counts once.',
  },
  hwerr_last_decode_failure_timestamp_seconds: {
    type: 'gauge',
    labels: ['reason', 'host'],
    help: 'Unix time of the last decode failure, until its file or crash is read; 0 = none. host: as in the path of the file.',
  },
  hwerr_dump_decode_duration_seconds: {
    type: 'histogram',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300],
    help: 'Time to decode one dump file or record of pstore, in the worker thread.',
  },
  hwerr_decode_queue_length: {
    type: 'gauge',
    help: 'Dump files and records of pstore waiting to be decoded.',
  },
  hwerr_decodes_in_progress: {
    type: 'gauge',
    help: 'Dump files and records of pstore being decoded now, by the worker thread.',
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
    help: 'State of the ledger, 1 for the current one. Unless ready, metrics show the last committed data.',
  },
  hwerr_ledger_writes_total: {
    type: 'counter',
    help: 'Transactions committed to the ledger since the exporter started.',
  },
  hwerr_ledger_write_failures_total: {
    type: 'counter',
    help: 'Failed attempts to write the ledger since the exporter started. Their data is written at the next attempt.',
  },
  hwerr_ledgers_set_aside: {
    type: 'gauge',
    help: 'Damaged ledger files kept beside the current one.',
  },
  hwerr_hosts_tracked: {
    type: 'gauge',
    help: 'Hosts that have metrics of their own, in central mode.',
  },
  hwerr_hosts_limit: {
    type: 'gauge',
    help: 'Limit on hosts that have metrics of their own, in central mode: --central.max-hosts.',
  },
  hwerr_hosts_dropped: {
    type: 'gauge',
    help: 'Hosts beyond --central.max-hosts, in central mode: their crashes are recorded but have no metrics.',
  },
  hwerr_shard_info: {
    type: 'gauge',
    labels: ['shard', 'shards'],
    help: 'Which of how many collectors it is: --central.shard; absent without that flag. Always 1.',
  },
  hwerr_kexec_crash_loaded: {
    type: 'gauge',
    help: 'Whether a crash kernel is loaded, by /sys/kernel/kexec_crash_loaded; absent where there is no such file.',
  },
  hwerr_time_seconds: {
    type: 'gauge',
    help: 'Unix time by the clock of the exporter: rules compare the other timestamps with it.',
  },
  hwerr_exporter_build_info: {
    type: 'gauge',
    labels: ['version', 'revision', 'node_version'],
    help: 'Version, commit and Node.js of the exporter itself. Always 1.',
  },
} satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;
export const CATALOGUE: Readonly<Record<MetricName, MetricDefinition>> = METRICS;
