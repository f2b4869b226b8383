#!/usr/bin/env python3
"""Writes blocks.txt: random blocks of each encoding of GGUF, and the numbers that they stand for, computed number by number as the format's description says
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and the structures that it names). A line: name, bytes, and numbers in single precision, both in hexadecimal.

  python3 blocks.py > blocks.txt
"""
import random
import struct

f32 = lambda x: struct.unpack("<f", struct.pack("<f", x))[0]
f16 = lambda b, i: struct.unpack_from("<e", b, i)[0]
i8 = lambda v: v - 256 if v > 127 else v


def number(scale, q, offset=None):
    """Each operation is rounded to single precision."""
    product = f32(scale * q)
    return product if offset is None else f32(product + offset)


def low_high(b, start, j):
    """Element j of 32: the first 16 lie in the lower halves of the bytes."""
    return b[start + j] & 15 if j < 16 else b[start + j - 16] >> 4


def q4_0(b):
    return [number(f16(b, 0), low_high(b, 2, j) - 8) for j in range(32)]


def q4_1(b):
    return [number(f16(b, 0), low_high(b, 4, j), f16(b, 2)) for j in range(32)]


def q5_0(b):
    bits = struct.unpack_from("<I", b, 2)[0]
    return [number(f16(b, 0), (low_high(b, 6, j) | (bits >> j & 1) << 4) - 16) for j in range(32)]


def q5_1(b):
    bits = struct.unpack_from("<I", b, 4)[0]
    return [number(f16(b, 0), low_high(b, 8, j) | (bits >> j & 1) << 4, f16(b, 2)) for j in range(32)]


def q8_0(b):
    return [number(f16(b, 0), i8(b[2 + j])) for j in range(32)]


def six_bits(b, part):
    """The scale and the minimum of one of eight parts, in twelve bytes from byte 4 on."""
    s = b[4:16]
    if part < 4:
        return s[part] & 63, s[part + 4] & 63
    return (s[part + 4] & 15) | (s[part - 4] >> 6) << 4, (s[part + 4] >> 4) | (s[part] >> 6) << 4


def q4_k(b):
    result = []
    for i in range(256):
        part = i // 32
        scale, minimum = six_bits(b, part)
        byte = b[16 + part // 2 * 32 + i % 32]
        q = byte & 15 if part % 2 == 0 else byte >> 4
        result.append(f32(f32(f32(f16(b, 0) * scale) * q) - f32(f16(b, 2) * minimum)))
    return result


def q5_k(b):
    result = []
    for i in range(256):
        part = i // 32
        scale, minimum = six_bits(b, part)
        byte = b[48 + part // 2 * 32 + i % 32]
        q = (byte & 15 if part % 2 == 0 else byte >> 4) + (16 if b[16 + i % 32] >> part & 1 else 0)
        result.append(f32(f32(f32(f16(b, 0) * scale) * q) - f32(f16(b, 2) * minimum)))
    return result


def q6_k(b):
    result = []
    for i in range(256):
        half, within = divmod(i, 128)
        row, column = divmod(within, 32)
        low = b[half * 64 + column + (32 if row % 2 else 0)]
        low = low & 15 if row < 2 else low >> 4
        high = b[128 + half * 32 + column] >> 2 * row & 3
        result.append(f32(f32(f16(b, 208) * i8(b[192 + i // 16])) * ((low | high << 4) - 32)))
    return result


# Name, function, bytes of a block, where its halves of 16 bits are.
KINDS = [("q4_0", q4_0, 18, [0]), ("q4_1", q4_1, 20, [0, 2]), ("q5_0", q5_0, 22, [0]), ("q5_1", q5_1, 24, [0, 2]), ("q8_0", q8_0, 34, [0]),
         ("q4_k", q4_k, 144, [0, 2]), ("q5_k", q5_k, 176, [0, 2]), ("q6_k", q6_k, 210, [208])]

random.seed(17)
for name, expand, size, halves in KINDS:
    block_bytes, numbers = b"", []
    for _ in range(3 if size > 100 else 8):
        block = bytearray(random.randbytes(size))
        for at in halves:
            struct.pack_into("<e", block, at, random.choice([-1, 1]) * random.uniform(1e-4, 2))
        block_bytes += block
        numbers += expand(bytes(block))
    print(name, block_bytes.hex(), struct.pack(f"<{len(numbers)}f", *numbers).hex())
