#!/usr/bin/python3
"""Writes forms.json: texts in Unicode's four normalization forms, by Python's unicodedata: sequences of letters and marks that are chosen at random, and all of texts.json."""
import json, os, random, unicodedata as u
here = os.path.dirname(os.path.abspath(__file__))
r = random.Random(5)
pool = [chr(c) for c in range(0x80, 0x30000) if u.decomposition(chr(c)) or u.combining(chr(c))]
pool += [chr(c) for c in range(0xAC00, 0xAC60)] + [chr(c) for c in range(0x1100, 0x1113)] + [chr(c) for c in range(0x1161, 0x1176)] + [chr(c) for c in range(0x11A8, 0x11C3)]
marks = [chr(c) for c in range(0x300, 0x345)]
texts = json.load(open(f"{here}/texts.json"))
for _ in range(400):
    texts.append("".join(r.choice([r.choice(pool), r.choice(marks), r.choice("aeiouAEIOUcn"), r.choice(marks)]) for _ in range(r.randint(1, 12))))
json.dump([[t] + [u.normalize(f, t) for f in ("NFC", "NFD", "NFKC", "NFKD")] for t in texts], open(f"{here}/forms.json", "w"), ensure_ascii=True)
