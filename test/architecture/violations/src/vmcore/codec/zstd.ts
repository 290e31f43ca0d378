// vmcore-has-no-io-zstd
import 'node:crypto';
