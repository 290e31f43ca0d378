"""hwerr_data of a dump as drgn's kallsyms helper finds it, without debug information.

Prints {"categories": [[count, seconds], ...], "bootId": hexadecimal} for the file that is named. Exit code 3: this drgn
has no such helper, or one from before 0.1.0, which does not know the place-relative tables of Linux 7.
"""
import json
import struct
import sys


def load_helper():
    import drgn

    if [int(part) for part in drgn.__version__.split(".")[:2]] < [0, 1]:
        raise ImportError(drgn.__version__)
    from drgn.helpers.linux.kallsyms import load_vmlinux_kallsyms

    return drgn.Program(), load_vmlinux_kallsyms


def main():
    try:
        program, load_vmlinux_kallsyms = load_helper()
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    if len(sys.argv) < 2:
        return
    program.set_core_dump(sys.argv[1])
    program.register_symbol_finder("kallsyms", load_vmlinux_kallsyms(program), enable_index=0)
    array = program.symbol("hwerr_data")
    elements = struct.iter_unpack("<I4xq", program.read(array.address, array.size))
    boot_id = program.read(program.symbol("sysctl_bootid").address, 16)
    json.dump({"categories": list(elements), "bootId": boot_id.hex()}, sys.stdout)


main()
