"""What libkdumpfile or drgn read at physical addresses of a dump: the SHA-256 of each page, or why not.

Reads {"reader": "kdumpfile" | "drgn", "files": [...], "addresses": [...], "length": N} from standard
input, prints a JSON list with a string or null (not in the dump) for each address.
"""
import hashlib
import json
import sys


def kdumpfile_reader(files):
    import kdumpfile

    if len(files) == 1:
        dump = kdumpfile.kdumpfile(files[0])
    else:
        dump = kdumpfile.kdumpfile()
        dump.attr["file.set.number"] = len(files)
        for i, name in enumerate(files):
            dump.attr["file.set.%d.fd" % i] = open(name, "rb").detach().fileno()

    def read(address, length):
        try:
            return dump.read(kdumpfile.KDUMP_MACHPHYSADDR, address, length)
        except kdumpfile.exceptions.NoDataException:
            return None

    return read


def drgn_reader(files):
    import drgn

    program = drgn.Program()
    program.set_core_dump(files[0])

    def read(address, length):
        try:
            return program.read(address, length, physical=True)
        except drgn.FaultError:
            return None

    return read


def main():
    asked = json.load(sys.stdin)
    reader = {"kdumpfile": kdumpfile_reader, "drgn": drgn_reader}[asked["reader"]]
    read = reader(asked["files"])
    pages = (read(address, asked["length"]) for address in asked["addresses"])
    json.dump([None if page is None else hashlib.sha256(page).hexdigest() for page in pages], sys.stdout)


main()
