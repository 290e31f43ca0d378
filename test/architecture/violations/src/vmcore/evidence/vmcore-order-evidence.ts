import '../container/vmcore-has-no-io.ts';
