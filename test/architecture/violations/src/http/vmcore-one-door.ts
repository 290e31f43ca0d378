import '../vmcore/vmcore-is-closed.ts';
