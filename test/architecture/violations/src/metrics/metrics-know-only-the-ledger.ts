import '../http/vmcore-one-door.ts';
