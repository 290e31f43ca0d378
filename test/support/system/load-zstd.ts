/** Before every test file, as src/decode/decode-file.ts does it: the decoder itself cannot wait. */
import { loadZstd } from '../../../src/vmcore/codec/zstd.ts';

await loadZstd();
