import '../vmcore/errors.ts';
