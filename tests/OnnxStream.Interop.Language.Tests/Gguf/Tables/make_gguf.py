#!/usr/bin/env python3
"""Writes small decoders with random weights as GGUF files, one of each family, as llama.cpp's converter writes them, and one whose matrices have all kinds of numbers.

  python3 make_gguf.py            writes *.gguf beside this file
Then LlamaCpp.cs says what llama.cpp makes of them.
"""
import math
import os
import random
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
VOCABULARY = 64
F32, F16 = 0, 1
# Number, numbers of a block, bytes, where its halves of 16 bits are.
KINDS = {"q4_0": (2, 32, 18, [0]), "q4_1": (3, 32, 20, [0, 2]), "q5_0": (6, 32, 22, [0]), "q5_1": (7, 32, 24, [0, 2]), "q8_0": (8, 32, 34, [0]),
         "q4_k": (12, 256, 144, [0, 2]), "q5_k": (13, 256, 176, [0, 2]), "q6_k": (14, 256, 210, [208])}


def string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def value(v):
    if isinstance(v, bool):
        return struct.pack("<I?", 7, v)
    if isinstance(v, int):
        return struct.pack("<II", 4, v)
    if isinstance(v, float):
        return struct.pack("<If", 6, v)
    if isinstance(v, str):
        return struct.pack("<I", 8) + string(v)
    if isinstance(v[0], str):
        return struct.pack("<IIQ", 9, 8, len(v)) + b"".join(map(string, v))
    kind, code = ("f", 6) if isinstance(v[0], float) else ("i", 5)
    return struct.pack("<IIQ", 9, code, len(v)) + struct.pack(f"<{len(v)}{kind}", *v)


class Writer:
    def __init__(self, name, seed):
        self.name, self.random = name, random.Random(seed)
        self.metadata, self.tensors = {}, []

    def floats(self, count, scale, mean=0.0):
        return [mean + self.random.gauss(0, scale) for _ in range(count)]

    def add(self, name, *dimensions, kind="f32", scale=None, mean=0.0):
        """Dimensions outermost first."""
        count = math.prod(dimensions)
        scale = scale if scale is not None else 1 / math.sqrt(dimensions[-1])
        if kind == "f32":
            data, code = struct.pack(f"<{count}f", *self.floats(count, scale, mean)), F32
        elif kind == "f16":
            data, code = struct.pack(f"<{count}e", *self.floats(count, scale, mean)), F16
        elif kind == "bf16":
            numbers = struct.pack(f"<{count}f", *self.floats(count, scale, mean))
            data, code = b"".join(numbers[i + 2:i + 4] for i in range(0, len(numbers), 4)), 30
        else:
            code, elements, size, halves = KINDS[kind]
            blocks = []
            for _ in range(count // elements):
                block = bytearray(self.random.randbytes(size))
                # Integers of 4 to 8 bits, and scales of 6 or 8 bits: what makes numbers of about the wanted size of them. Offsets take back the mean.
                each = {"q4_0": 4.6, "q4_1": 4.6, "q5_0": 9.2, "q5_1": 9.2, "q8_0": 74, "q4_k": 9 * 32, "q5_k": 18 * 32, "q6_k": 18 * 74}[kind]
                unit = scale / each * self.random.uniform(0.7, 1.3)
                struct.pack_into("<e", block, halves[0], unit if kind.startswith("q6") or self.random.random() < 0.5 or len(halves) > 1 else -unit)
                if len(halves) > 1:
                    mean_integer = {"q4_1": -7.5, "q5_1": -15.5, "q4_k": 7.5, "q5_k": 15.5}[kind]
                    struct.pack_into("<e", block, halves[1], unit * mean_integer)
                blocks.append(bytes(block))
            data = b"".join(blocks)
        self.tensors.append((name, dimensions, code, data))

    def write(self):
        infos, offset = b"", 0
        for name, dimensions, code, data in self.tensors:
            infos += string(name) + struct.pack("<I", len(dimensions)) + struct.pack(f"<{len(dimensions)}Q", *reversed(dimensions)) + struct.pack("<IQ", code, offset)
            offset += (len(data) + 31) // 32 * 32
        with open(os.path.join(HERE, f"{self.name}.gguf"), "wb") as file:
            file.write(b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.metadata)))
            for key, v in self.metadata.items():
                file.write(string(key) + value(v))
            file.write(infos)
            file.write(b"\0" * (-file.tell() % 32))
            for _, _, _, data in self.tensors:
                file.write(data)
                file.write(b"\0" * (-len(data) % 32))


def vocabulary(writer):
    """Tokens for bytes 32 to 92 would do; nothing here is text. SentencePiece's kind needs scores."""
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(48, 64)] + [chr(97 + i) for i in range(26)] + ["▁"] + [f"▁{chr(97 + i)}" for i in range(VOCABULARY - 46)]
    writer.metadata |= {
        "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.scores": [0.0] * 3 + [-float(i) for i in range(VOCABULARY - 3)],
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 16 + [1] * (VOCABULARY - 19), "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0}


def decoder(name, family, seed, hidden=32, heads=4, groups=2, size=8, middle=48, layers=2, kinds=("f32",), tied=False, extra=None, tensors=None, version=None):
    w = Writer(name, seed)
    w.metadata = {"general.architecture": family, "general.name": "random"}
    w.metadata |= {f"{family}.{k}": v for k, v in {
        "block_count": layers, "context_length": 128, "embedding_length": hidden, "feed_forward_length": middle, "attention.head_count": heads, "attention.head_count_kv": groups,
        "attention.layer_norm_rms_epsilon": 1e-5, "attention.key_length": size, "attention.value_length": size, "rope.dimension_count": size, "rope.freq_base": 10000.0, "vocab_size": VOCABULARY}.items()}
    w.metadata |= {f"{family}.{k}": v for k, v in (extra or {}).items()}
    vocabulary(w)
    turn = [0]

    def matrix(n, *d, **o):
        w.add(n, *d, kind=kinds[turn[0] % len(kinds)], **o)
        turn[0] += 1

    def norm(n, count):
        w.add(n, count, scale=0.1, mean=1.0)

    gemma = family.startswith("gemma")
    matrix("token_embd.weight", VOCABULARY, hidden, scale=1.0 if not gemma else 1 / math.sqrt(hidden))
    for i in range(layers):
        b = f"blk.{i}."
        norm(b + "attn_norm.weight", hidden)
        norm(b + "ffn_norm.weight", hidden)
        if family == "phi3":
            matrix(b + "attn_qkv.weight", (heads + 2 * groups) * size, hidden)
            matrix(b + "ffn_up.weight", 2 * middle, hidden)
        else:
            matrix(b + "attn_q.weight", heads * size, hidden)
            matrix(b + "attn_k.weight", groups * size, hidden)
            matrix(b + "attn_v.weight", groups * size, hidden)
            matrix(b + "ffn_gate.weight", middle, hidden)
            matrix(b + "ffn_up.weight", middle, hidden)
        if family == "qwen2":
            w.add(b + "attn_q.bias", heads * size, scale=0.2)
            w.add(b + "attn_k.bias", groups * size, scale=0.2)
            w.add(b + "attn_v.bias", groups * size, scale=0.2)
        if family in ("qwen3", "gemma3"):
            norm(b + "attn_q_norm.weight", size)
            norm(b + "attn_k_norm.weight", size)
        if gemma:
            norm(b + "post_attention_norm.weight", hidden)
            norm(b + "post_ffw_norm.weight", hidden)
        matrix(b + "attn_output.weight", hidden, heads * size)
        matrix(b + "ffn_down.weight", hidden, middle)
    norm("output_norm.weight", hidden)
    if not tied:
        matrix("output.weight", VOCABULARY, hidden)
    for n, numbers in (tensors or {}).items():
        w.tensors.append((n, (len(numbers),), F32, struct.pack(f"<{len(numbers)}f", *numbers)))
    w.write()


decoder("llama", "llama", 1)
decoder("llama-stretched", "llama", 2, tied=True, tensors={"rope_freqs.weight": [1.0, 1.0, 3.5, 8.0]})
decoder("llama-linear", "llama", 3, extra={"rope.scaling.type": "linear", "rope.scaling.factor": 4.0})
decoder("qwen2", "qwen2", 4)
decoder("qwen2-yarn", "qwen2", 5, extra={"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 32})
decoder("qwen3", "qwen3", 6, size=16, tied=True)
decoder("phi3", "phi3", 7, extra={"context_length": 1024, "rope.scaling.original_context_length": 512, "rope.scaling.attn_factor": 1.19}, tensors={"rope_factors_long.weight": [1.0, 2.0, 3.0, 4.0], "rope_factors_short.weight": [1.0, 1.1, 1.5, 2.0]})
decoder("gemma2", "gemma2", 8, tied=True, layers=3, extra={"attention.sliding_window": 8, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0})
decoder("gemma3", "gemma3", 9, tied=True, layers=6, extra={"attention.sliding_window": 8, "rope.freq_base": 1000000.0, "rope.scaling.type": "linear", "rope.scaling.factor": 8.0})
decoder("kinds", "llama", 10, hidden=256, heads=4, groups=2, size=32, middle=256, layers=2, kinds=("q4_k", "q5_k", "q6_k", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "f16", "bf16"))
