import '../codec/zlib.ts';
