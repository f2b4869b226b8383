#!/usr/bin/python3
"""Writes unicode-forms.txt from Python's unicodedata (the Unicode Character Database): characters with their decomposition, combining class, and
whether they are put together again. A line: code point, combining class, '=' for a canonical and '~' for a compatible decomposition and its code points;
'!' in front where NFC does not make the character. Code points are hexadecimal; Hangul is computed."""
import os, unicodedata as u
lines = [f"# Unicode {u.unidata_version}"]
for c in range(0x110000):
    if 0xD800 <= c < 0xE000 or 0xAC00 <= c <= 0xD7A3:
        continue
    s, k, d = chr(c), u.combining(chr(c)), u.decomposition(chr(c))
    if not k and not d:
        continue
    parts = d.split()
    sign = "=" if parts and not parts[0].startswith("<") else "~"
    parts = parts if sign == "=" else parts[1:]
    excluded = sign == "=" and u.normalize("NFC", s) != s
    lines.append(f"{'!' if excluded else ''}{c:X} {k}{(sign + ' '.join(f'{int(p, 16):X}' for p in parts)) if parts else ''}")
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "unicode-forms.txt"), "w").write("\n".join(lines) + "\n")
