#!/usr/bin/python3
"""Writes small tokenizers of the kinds that no package brings: unigram.json (trained with python3-sentencepiece on a licence and the texts, in the
form that transformers gives T5's), wordpiece.json (BERT's form), words.json (byte pairs with a suffix, digits, punctuation, and added tokens that take
white space or stand alone). Their vocabularies are made here, so that they may be committed."""
import json, os, re, tempfile
from collections import Counter
import sentencepiece as spm

here = os.path.dirname(os.path.abspath(__file__))
texts = json.load(open(f"{here}/texts.json"))
gpl = open("/usr/share/common-licenses/GPL-3", encoding="utf-8").read()

def save(name, value):
    json.dump(value, open(f"{here}/{name}.json", "w"), ensure_ascii=True, indent=0)

def added(i, content, **o):
    return dict(dict(id=i, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True), **o)

# Unigram
with tempfile.TemporaryDirectory() as d:
    open(f"{d}/text", "w").write(gpl + "\n".join(t.replace("\n", " ").replace("\0", "") for t in texts * 2))
    spm.SentencePieceTrainer.train(input=f"{d}/text", model_prefix=f"{d}/m", vocab_size=1400, model_type="unigram", character_coverage=0.985, byte_fallback=False, hard_vocab_limit=False, minloglevel=2, num_threads=1)
    sp = spm.SentencePieceProcessor(f"{d}/m.model")
    vocab = [[sp.id_to_piece(i), round(sp.get_score(i), 6)] for i in range(sp.get_piece_size())]
    # The table of nmt_nfkc out of the model's protobuf: field 3 (normalizer), field 2 (precompiled_charsmap).
    raw = sp.serialized_model_proto()
def fields(b):
    i = 0
    while i < len(b):
        def varint():
            nonlocal i
            v = s = 0
            while True:
                c = b[i]; i += 1; v |= (c & 127) << s; s += 7
                if c < 128: return v
        key = varint()
        if key & 7 == 2:
            n = varint(); yield key >> 3, b[i:i + n]; i += n
        elif key & 7 == 0: yield key >> 3, varint()
        elif key & 7 == 5: i += 4
        else: i += 8
import base64
charsmap = next(v for n, v in fields(next(v for n, v in fields(raw) if n == 3)) if n == 2)
metaspace = dict(type="Metaspace", replacement="▁", prepend_scheme="always", split=True)
save("unigram", dict(version="1.0", truncation=None, padding=None, added_tokens=[added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")],
    normalizer=dict(type="Sequence", normalizers=[dict(type="Precompiled", precompiled_charsmap=base64.b64encode(charsmap).decode()), dict(type="Replace", pattern=dict(Regex=" {2,}"), content=" ")]),
    pre_tokenizer=dict(type="Sequence", pretokenizers=[dict(type="WhitespaceSplit"), metaspace]),
    post_processor=dict(type="TemplateProcessing", single=[dict(Sequence=dict(id="A", type_id=0)), dict(SpecialToken=dict(id="</s>", type_id=0))], pair=[dict(Sequence=dict(id="A", type_id=0)), dict(Sequence=dict(id="B", type_id=0))],
                        special_tokens={"</s>": dict(id="</s>", ids=[2], tokens=["</s>"])}),
    decoder=metaspace, model=dict(type="Unigram", unk_id=0, vocab=vocab, byte_fallback=False)))

# WordPiece: letters, and pieces of words of the licence.
import unicodedata
def bert(t):
    t = "".join(c for c in unicodedata.normalize("NFD", t) if unicodedata.category(c) != "Mn").lower()
    return re.findall(r"\w+|[^\w\s]", t)
words = Counter(w for w in bert(gpl))
letters = sorted({c for t in texts + [gpl] for w in bert(t) for c in w if not unicodedata.category(c).startswith("C")})
letters = [c for n, c in enumerate(letters) if n % 7]
pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + ["##" + c for c in letters if c.isalnum()]
pieces += [w for w, n in words.most_common(400) if len(w) > 1] + ["##" + w[-3:] for w, n in words.most_common(300) if len(w) > 4]
pieces = list(dict.fromkeys(pieces))
save("wordpiece", dict(version="1.0", truncation=None, padding=None, added_tokens=[added(i, pieces[i]) for i in range(5)],
    normalizer=dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True), pre_tokenizer=dict(type="BertPreTokenizer"),
    post_processor=dict(type="TemplateProcessing", single=[dict(SpecialToken=dict(id="[CLS]", type_id=0)), dict(Sequence=dict(id="A", type_id=0)), dict(SpecialToken=dict(id="[SEP]", type_id=0))], pair=[dict(Sequence=dict(id="A", type_id=0)), dict(Sequence=dict(id="B", type_id=0))],
                        special_tokens={"[CLS]": dict(id="[CLS]", ids=[2], tokens=["[CLS]"]), "[SEP]": dict(id="[SEP]", ids=[3], tokens=["[SEP]"])}),
    decoder=dict(type="WordPiece", prefix="##", cleanup=True),
    model=dict(type="WordPiece", unk_token="[UNK]", continuing_subword_prefix="##", max_input_chars_per_word=100, vocab={p: i for i, p in enumerate(pieces)})))

# Byte pairs of words that end with a suffix.
counts = Counter(w for t in [gpl] + texts for w in re.findall(r"[a-z]+|[0-9]|[^\sa-z0-9]", t.lower()))
splits = {w: list(w[:-1]) + [w[-1] + "</w>"] for w in counts}
symbols = list(dict.fromkeys(s for w in counts for s in splits[w] if ord(s[0]) < 0x2000))
merges = []
for _ in range(500):
    pairs = Counter()
    for w, n in counts.items():
        for p in zip(splits[w], splits[w][1:]): pairs[p] += n
    (x, y), _n = max(pairs.items(), key=lambda p: (p[1], p[0]))
    merges.append([x, y]); symbols.append(x + y)
    for s in splits.values():
        i = 0
        while i < len(s) - 1:
            if s[i] == x and s[i + 1] == y: s[i:i + 2] = [x + y]
            i += 1
vocab = {s: i for i, s in enumerate(["<unk>"] + list(dict.fromkeys(symbols + [s for m in merges for s in m])))}
n = len(vocab)
save("words", dict(version="1.0", truncation=None, padding=None, added_tokens=[
        added(0, "<unk>"), added(n, "<left>", lstrip=True), added(n + 1, "<right>", rstrip=True), added(n + 2, "zword", single_word=True, special=False), added(n + 3, "<Both>", lstrip=True, rstrip=True, normalized=True, special=False), added(n + 4, "<leftmost>")],
    normalizer=dict(type="Sequence", normalizers=[dict(type="Lowercase"), dict(type="Strip", strip_left=True, strip_right=True)]),
    pre_tokenizer=dict(type="Sequence", pretokenizers=[dict(type="WhitespaceSplit"), dict(type="Digits", individual_digits=True), dict(type="Punctuation", behavior="Isolated")]),
    post_processor=None, decoder=dict(type="BPEDecoder", suffix="</w>"),
    model=dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix="</w>", fuse_unk=True, byte_fallback=False, vocab=vocab, merges=merges)))
