import '../metrics/metrics-know-only-the-ledger.ts';
