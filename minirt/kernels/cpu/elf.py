"""Which symbols an ELF object file leaves to others: a kernel's object may only need what every process has."""

from __future__ import annotations

import struct

_SYMTAB = 2
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


def undefined_symbols(data: bytes) -> list[str]:
    """Names that a little-endian ELF64 object refers to without defining them; [] for other file formats."""
    if data[:6] != b"\x7fELF\x02\x01":
        return []
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [_SECTION.unpack_from(data, table + i * size) for i in range(count)]
    names: list[str] = []
    for _, kind, _, _, offset, length, link, _, _, entry in sections:
        if kind != _SYMTAB:
            continue
        strings = sections[link][4]
        for at in range(offset + entry, offset + length, entry):  # the first symbol is the null symbol
            name, _, _, section, _, _ = _SYMBOL.unpack_from(data, at)
            if section == 0 and name:
                start = strings + name
                names.append(data[start : data.index(b"\0", start)].decode())
    return names
