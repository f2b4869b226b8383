"""Writes base-letters.txt: each character whose canonical decomposition (NFD) has marks (category Mn) or other characters, and what is left of it
without the marks. Hangul syllables, which decompose by a formula, are left out. Run: python3 make_base_letters.py > ../../../src/OnnxStream.Interop.Embeddings/Resources/base-letters.txt
"""
import sys
import unicodedata

sys.stdout.reconfigure(encoding="utf-8", newline="\n")
for code in range(0x80, 0x110000):
    if 0xD800 <= code <= 0xDFFF or 0xAC00 <= code <= 0xD7A3:
        continue
    character = chr(code)
    if unicodedata.category(character) == "Mn":
        continue
    rest = "".join(c for c in unicodedata.normalize("NFD", character) if unicodedata.category(c) != "Mn")
    if rest != character:
        print(f"{character}\t{rest}")
