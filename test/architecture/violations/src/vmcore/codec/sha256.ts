// vmcore-has-no-io-sha256
import 'node:zlib';
