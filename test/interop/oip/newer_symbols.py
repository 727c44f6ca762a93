"""Marks the symbol versions of an ELF program that this machine's libraries lack as optional (VER_FLG_WEAK).

The loader then starts it, and takes the symbols from a preloaded library (older-glibc.cpp). Nothing else of the program is
changed. Layout of the section: "Symbol Version Requirements" of the Linux Standard Base.
"""

import struct
import sys

NEWER = ("GLIBC_2.38", "GLIBCXX_3.4.31", "GLIBCXX_3.4.32")
VER_FLG_WEAK = 2
SHT_GNU_VERNEED = 0x6FFFFFFE


def mark_optional(program: bytearray) -> int:
    """Returns how many versions were marked."""
    (section_start,) = struct.unpack_from("<Q", program, 0x28)
    entry_size, count = struct.unpack_from("<HH", program, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", program, section_start + i * entry_size) for i in range(count)]
    marked = 0
    for _, kind, _, _, offset, _, link, needs, _, _ in sections:
        if kind != SHT_GNU_VERNEED:
            continue
        strings = sections[link][4]
        need = offset
        for _ in range(needs):
            _, versions, _, first, next_need = struct.unpack_from("<HHIII", program, need)
            version = need + first
            for _ in range(versions):
                _, flags, _, name, next_version = struct.unpack_from("<IHHII", program, version)
                start = strings + name
                if program[start : program.index(0, start)].decode() in NEWER:
                    struct.pack_into("<H", program, version + 4, flags | VER_FLG_WEAK)
                    marked += 1
                version += next_version
            need += next_need
    return marked


if __name__ == "__main__":
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        program = bytearray(file.read())
    print(f"marked {mark_optional(program)} versions")
    with open(target, "wb") as file:
        file.write(program)
