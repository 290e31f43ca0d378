import './log.ts';
