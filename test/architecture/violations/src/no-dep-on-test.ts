import '../test/no-dep-on-test.ts';
