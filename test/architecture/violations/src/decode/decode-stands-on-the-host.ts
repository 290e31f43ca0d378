import '../ledger/nothing-imports-the-wiring.ts';
