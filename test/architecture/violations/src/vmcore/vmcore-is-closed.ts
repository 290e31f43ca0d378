import '../log.ts';
