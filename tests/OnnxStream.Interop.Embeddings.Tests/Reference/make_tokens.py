"""Writes tokens.json: the ids that BERT's tokenizer, written here after its description (Devlin et al. 2018; Hugging Face's BertNormalizer), gives texts.
Run: python3 make_tokens.py vocab.txt > tokens.json, with the vocabulary of bert-base-uncased, which both models of the tests have.
"""
import json
import random
import sys
import unicodedata

vocabulary = {line.strip(): i for i, line in enumerate(open(sys.argv[1], encoding="utf-8"))}


def is_ideograph(c):
    code = ord(c)
    blocks = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]
    return any(first <= code <= last for first, last in blocks)


def clean(text):
    for c in text:
        if c in "\t\n\r" or (unicodedata.category(c) in ("Zs", "Zl", "Zp")):
            yield " "
        elif ord(c) in (0, 0xFFFD) or unicodedata.category(c).startswith("C"):
            continue
        elif is_ideograph(c):
            yield f" {c} "
        else:
            yield c


def is_punctuation(c):
    if ord(c) < 128:
        return 33 <= ord(c) <= 126 and not c.isalnum()
    return unicodedata.category(c).startswith("P")


def words(text, uncased=True):
    text = "".join(clean(text))
    if uncased:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
        text = "".join(c.lower() for c in text)
    for part in text.split():
        word = ""
        for c in part:
            if is_punctuation(c):
                if word:
                    yield word
                yield c
                word = ""
            else:
                word += c
        if word:
            yield word


def pieces(word):
    if len(word) > 100:
        return [vocabulary["[UNK]"]]
    ids, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                ids.append(vocabulary[piece])
                start = end
                break
        else:
            return [vocabulary["[UNK]"]]
    return ids


def encode(text):
    ids = [vocabulary["[CLS]"]]
    for word in words(text):
        ids += pieces(word)
    return ids + [vocabulary["[SEP]"]]


texts = [
    "", " ", "Hello, world!", "unaffable", "The quick brown fox jumps over the lazy dog.", "don't stop — it's 3.14159 € (50% off)…",
    "Ça va? Où est l'été? Zoë naïve Ångström ÅÄÖ", "Straße GRÖSSE ﬁnancial ǅ İstanbul ıI", "Ελληνικά: ΣΊΣΥΦΟΣ σοφός", "Привет, мир! Ёлка й",
    "日本語のテキスト、漢字とカナ。", "中文分词测试:你好世界", "한국어 문장입니다. 각 힣", "नमस्ते दुनिया क़ि", "مرحبا بالعالم لا إله", "שָׁלוֹם עולם", "สวัสดีชาวโลก", "Tiếng Việt có nhiều dấu: ường",
    "ქართული ენა ᲥᲐᲠᲗᲣᲚᲘ", "Հայերեն լեզու", "తెలుగు భాష", "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈 🇩🇪 ☕️", "for (int i = 0; i < n; i++) { a[i] += b->x; } // C", "SELECT * FROM t WHERE x_y >= 10 AND z != 'q'",
    "https://example.org/a?b=c&d=%20#e", "tab\tnew\nline\r\nnbsp\u00a0zwsp\u200bzwj\u200dsoft\u00adhyphen\ufeff\u0000\u0085\u2028x", "x" * 100 + " " + "y" * 101, "a\u0301b\u0327 e\u0301\u0323 combining", "１２３ ＡＢＣ fullwidth", "½ ² ³ ① Ⅳ ℃ ™ ℵ Å Ω K",
    "\U0001d11e \U0001d5a0\U0001d5a1 \U00020000\U0002f800 豈 更", "1,000,000.00-3e8+5/7=?", "©®™ ^$`~|<>+= ", "'quoted' “curly” «guillemets» „low“ 「corner」", "\ue000private\uf8ff", "CamelCaseIdentifier snake_case_name kebab-case",
    "I can't believe it's not butter!!!", "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua.",
]
random.seed(7)
ranges = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5F4), (0x620, 0x64A), (0x900, 0x94D), (0xE01, 0xE5B), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x3041, 0x30FF), (0x4E00, 0x4EFF), (0xAC00, 0xD7A3), (0xF900, 0xFA6D), (0x1F300, 0x1F5FF)]
for _ in range(160):
    texts.append("".join(chr(random.randint(*random.choice(ranges))) if random.random() < 0.8 else " " for _ in range(random.randint(1, 60))))
sys.stdout.reconfigure(encoding="utf-8", newline="\n")
print("[")
print(",\n".join(json.dumps({"text": text, "ids": encode(text)}, ensure_ascii=True, separators=(",", ":")) for text in texts))
print("]")
