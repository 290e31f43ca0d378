"""Compresses pages with the libraries that makedumpfile and QEMU use.

Reads {"codec": "lzo" | "snappy" | "zstd", "level": N, "pages": [base64, ...]} from standard input, prints a JSON
list of base64.
"""
import base64
import json
import sys


def encoder(codec, level):
    if codec == "lzo":
        import lzo

        return lambda page: lzo.compress(page, level, False)
    if codec == "snappy":
        import snappy

        return snappy.compress
    import zstandard

    return zstandard.ZstdCompressor(level=level).compress


asked = json.load(sys.stdin)
encode = encoder(asked["codec"], asked["level"])
pages = (encode(base64.b64decode(page)) for page in asked["pages"])
json.dump([base64.b64encode(page).decode() for page in pages], sys.stdout)
