import '../cli/cli-is-thin.ts';
