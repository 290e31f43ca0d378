import './postgres.ts';
