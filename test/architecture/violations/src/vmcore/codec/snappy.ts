// vmcore-has-no-io-snappy
import 'node:crypto';
