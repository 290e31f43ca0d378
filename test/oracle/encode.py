"""Compresses pages with the libraries that makedumpfile and QEMU use, or decompresses them.

Reads {"codec": "lzo" | "snappy" | "zstd", "level": N, "pages": [base64, ...]} from standard input, prints a JSON
list of base64. With "lzo-decode" for codec the pages are decompressed into N bytes at most; null where that fails.
"""
import base64
import json
import sys


def encoder(codec, level):
    if codec == "lzo":
        import lzo

        return lambda page: lzo.compress(page, level, False)
    if codec == "lzo-decode":
        return lambda stream: lzo_decoded(stream, level)
    if codec == "snappy":
        import snappy

        return snappy.compress
    import zstandard

    return zstandard.ZstdCompressor(level=level).compress


def lzo_decoded(stream, size):
    import lzo

    try:
        return lzo.decompress(stream, False, size)
    except lzo.error:
        return None


asked = json.load(sys.stdin)
encode = encoder(asked["codec"], asked["level"])
pages = (encode(base64.b64decode(page)) for page in asked["pages"])
json.dump([None if page is None else base64.b64encode(page).decode() for page in pages], sys.stdout)
