// vmcore-has-no-io-zlib
import 'node:crypto';
