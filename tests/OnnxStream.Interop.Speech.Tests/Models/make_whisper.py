#!/usr/bin/python3
"""Writes tiny-whisper: a model of Whisper's layout with random weights, as optimum exports one (encoder_model.onnx, decoder_model.onnx,
decoder_with_past_model.onnx, decoder_model_merged.onnx, config.json, generation_config.json, tokenizer.json), and whisper.json: what a program of its own, in
numpy and double precision, without caches, makes of a sound with the rules of the paper (arXiv 2212.04356) and its reference program. Wants python3-onnx, python3-numpy."""
import json, math, os
import numpy as np
import onnx
from onnx import helper as h, numpy_helper, TensorProto as T

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "tiny-whisper")
D, HEADS, LAYERS, INNER, MELS, POSITIONS, CONTEXT = 16, 2, 2, 32, 80, 1500, 64
HD = D // HEADS
EOT, SOT, EN, TRANSLATE, TRANSCRIBE, LM, PREV, NOSPEECH, NOTIMES, TB = 256, 257, 258, 261, 262, 263, 264, 265, 266, 267
LANGUAGES = ["en", "de", "fr"]
VOCABULARY = TB + 1501
rng = np.random.default_rng(11)

# ---- Weights. A direction of its own gives kinds of tokens their likelihood, so that texts, times and ends occur.
W = {}
def weight(name, *shape, scale=None):
    W[name] = (rng.standard_normal(shape) * (scale if scale is not None else 1 / math.sqrt(shape[0]))).astype(np.float32); return W[name]
def norm(name):
    W[name + ".w"] = (1 + 0.1 * rng.standard_normal(D)).astype(np.float32); W[name + ".b"] = (0.1 * rng.standard_normal(D)).astype(np.float32)
def attention(name):
    for part in "qkvo":
        weight(f"{name}.{part}.w", D, D, scale=0.6)
        if part != "k": weight(f"{name}.{part}.b", D, scale=0.1)
def mlp(name):
    weight(name + ".fc1.w", D, INNER, scale=0.4); weight(name + ".fc1.b", INNER, scale=0.1); weight(name + ".fc2.w", INNER, D, scale=0.4); weight(name + ".fc2.b", D, scale=0.1)
weight("conv1.w", D, MELS, 3, scale=0.15); weight("conv1.b", D, scale=0.1); weight("conv2.w", D, D, 3, scale=0.3); weight("conv2.b", D, scale=0.1)
weight("enc.pos", POSITIONS, D, scale=0.3)
for i in range(LAYERS):
    norm(f"enc.{i}.n1"); attention(f"enc.{i}.a"); norm(f"enc.{i}.n2"); mlp(f"enc.{i}")
    norm(f"dec.{i}.n1"); attention(f"dec.{i}.a"); norm(f"dec.{i}.nc"); attention(f"dec.{i}.c"); norm(f"dec.{i}.n2"); mlp(f"dec.{i}")
norm("enc.n"); norm("dec.n")
weight("dec.pos", CONTEXT, D, scale=1.0); weight("embed", VOCABULARY, D, scale=0.7)
bias = np.zeros(VOCABULARY, np.float32); bias[TB:] = -5.0; bias[EOT] = 1.0; bias[NOSPEECH] = -1.0
W["embed"][:, 0] = bias / 8; W["dec.n.w"][0] = 0; W["dec.n.b"][0] = 8

# ---- The graphs.
class Graph:
    def __init__(self, prefix=""): self.nodes, self.used, self.prefix, self.constants = [], set(), prefix, {}
    def w(self, name): self.used.add(name); return name
    def c(self, name, value, dtype=np.int64): self.constants[self.prefix + name] = np.asarray(value, dtype); return self.prefix + name
    def n(self, op, inputs, name, **a): self.nodes.append(h.make_node(op, inputs, [self.prefix + name], name=self.prefix + name, **a)); return self.prefix + name
    def linear(self, x, name):
        y = self.n("MatMul", [x, self.w(name + ".w")], name + ".m")
        return self.n("Add", [y, self.w(name + ".b")], name + ".y") if name + ".b" in W else y
    def norm(self, x, name): return self.n("LayerNormalization", [x, self.w(name + ".w"), self.w(name + ".b")], name, axis=-1, epsilon=1e-5)
    def gelu(self, x, name):
        e = self.n("Erf", [self.n("Div", [x, self.c(name + ".r2", math.sqrt(2), np.float32)], name + ".d")], name + ".e")
        return self.n("Mul", [self.n("Mul", [x, self.n("Add", [e, self.c(name + ".one", 1, np.float32)], name + ".a")], name + ".t"), self.c(name + ".half", 0.5, np.float32)], name)
    def mlp(self, x, name): return self.linear(self.gelu(self.linear(x, name + ".fc1"), name + ".g"), name + ".fc2")
    def heads(self, x, name): return self.n("Transpose", [self.n("Reshape", [x, self.c(name + ".to", [0, -1, HEADS, HD])], name + ".r")], name, perm=[0, 2, 1, 3])
    def attend(self, q, k, v, name, mask=None):
        q = self.n("Mul", [q, self.c(name + ".scale", HD ** -0.5, np.float32)], name + ".qs")
        s = self.n("MatMul", [q, self.n("Transpose", [k], name + ".kt", perm=[0, 1, 3, 2])], name + ".s")
        if mask: s = self.n("Add", [s, mask], name + ".sm")
        y = self.n("MatMul", [self.n("Softmax", [s], name + ".p", axis=-1), v], name + ".pv")
        return self.n("Reshape", [self.n("Transpose", [y], name + ".t", perm=[0, 2, 1, 3]), self.c(name + ".back", [0, -1, D])], name + ".z")
    def initializers(self, with_weights=True):
        return ([numpy_helper.from_array(W[n], n) for n in sorted(self.used)] if with_weights else []) + [numpy_helper.from_array(v, n) for n, v in self.constants.items()]

def encoder():
    g = Graph()
    x = g.gelu(g.n("Conv", ["input_features", g.w("conv1.w"), g.w("conv1.b")], "c1", kernel_shape=[3], pads=[1, 1], strides=[1]), "g1")
    x = g.gelu(g.n("Conv", [x, g.w("conv2.w"), g.w("conv2.b")], "c2", kernel_shape=[3], pads=[1, 1], strides=[2]), "g2")
    x = g.n("Add", [g.n("Transpose", [x], "ct", perm=[0, 2, 1]), g.w("enc.pos")], "cp")
    for i in range(LAYERS):
        y = g.norm(x, f"enc.{i}.n1"); a = f"enc.{i}.a"
        y = g.attend(*[g.heads(g.linear(y, f"{a}.{p}"), f"{a}.{p}h") for p in "qkv"], a)
        x = g.n("Add", [x, g.linear(y, a + ".o")], f"enc.{i}.x1")
        x = g.n("Add", [x, g.mlp(g.norm(x, f"enc.{i}.n2"), f"enc.{i}")], f"enc.{i}.x2")
    g.n("Identity", [g.norm(x, "enc.n")], "last_hidden_state")
    return h.make_graph(g.nodes, "encoder", [h.make_tensor_value_info("input_features", T.FLOAT, ["batch_size", MELS, 3000])],
                        [h.make_tensor_value_info("last_hidden_state", T.FLOAT, ["batch_size", POSITIONS, D])], g.initializers())

def names(prefix, kinds=("decoder", "encoder")): return [f"{prefix}.{i}.{kind}.{part}" for i in range(LAYERS) for kind in kinds for part in ("key", "value")]

def decoder(cached, prefix=""):
    """The nodes; the names of logits and presents are those of the outputs behind the prefix."""
    g = Graph(prefix)
    count = g.n("Gather", [g.n("Shape", ["input_ids"], "ids.s"), g.c("one.i", 1)], "count", axis=0)
    past = g.n("Gather", [g.n("Shape", ["past_key_values.0.decoder.key"], "past.s"), g.c("two.i", 2)], "past", axis=0) if cached else g.c("past.0", 0)
    total = g.n("Add", [past, count], "total")
    rows = g.n("Range", [past, total, g.c("step", 1)], "rows")
    x = g.n("Add", [g.n("Gather", [g.w("embed"), "input_ids"], "emb", axis=0), g.n("Gather", [g.w("dec.pos"), rows], "pos", axis=0)], "x0")
    columns = g.n("Range", [g.c("zero", 0), total, g.c("step2", 1)], "columns")
    seen = g.n("LessOrEqual", [columns, g.n("Unsqueeze", [rows, g.c("rows.ax", [1])], "rows.u")], "seen")
    mask = g.n("Where", [seen, g.c("m.0", 0, np.float32), g.c("m.min", -3.4e38, np.float32)], "mask")
    for i in range(LAYERS):
        a = f"dec.{i}.a"; y = g.norm(x, f"dec.{i}.n1")
        q, k, v = [g.heads(g.linear(y, f"{a}.{p}"), f"{a}.{p}h") for p in "qkv"]
        if cached:
            k = g.n("Concat", [f"past_key_values.{i}.decoder.key", k], f"present.{i}.decoder.key", axis=2); v = g.n("Concat", [f"past_key_values.{i}.decoder.value", v], f"present.{i}.decoder.value", axis=2)
        else:
            k = g.n("Identity", [k], f"present.{i}.decoder.key"); v = g.n("Identity", [v], f"present.{i}.decoder.value")
        x = g.n("Add", [x, g.linear(g.attend(q, k, v, a, mask), a + ".o")], f"dec.{i}.x1")
        c = f"dec.{i}.c"; y = g.norm(x, f"dec.{i}.nc"); q = g.heads(g.linear(y, c + ".q"), c + ".qh")
        if cached: k, v = f"past_key_values.{i}.encoder.key", f"past_key_values.{i}.encoder.value"
        else: k, v = [g.n("Identity", [g.heads(g.linear("encoder_hidden_states", f"{c}.{p}"), f"{c}.{p}h")], f"present.{i}.encoder.{part}") for p, part in (("k", "key"), ("v", "value"))]
        x = g.n("Add", [x, g.linear(g.attend(q, k, v, c), c + ".o")], f"dec.{i}.x2")
        x = g.n("Add", [x, g.mlp(g.norm(x, f"dec.{i}.n2"), f"dec.{i}")], f"dec.{i}.x3")
    g.n("MatMul", [g.norm(x, "dec.n"), g.n("Transpose", [g.w("embed")], "embed.t", perm=[1, 0])], "logits")
    return g

IDS = h.make_tensor_value_info("input_ids", T.INT64, ["batch_size", "decoder_sequence_length"])
HEARD = h.make_tensor_value_info("encoder_hidden_states", T.FLOAT, ["batch_size", "encoder_sequence_length", D])
LOGITS = h.make_tensor_value_info("logits", T.FLOAT, ["batch_size", "decoder_sequence_length", VOCABULARY])
def infos(list_of_names): return [h.make_tensor_value_info(n, T.FLOAT, ["batch_size", HEADS, ("past" if n.startswith("past") else "present") + ("_decoder" if "decoder" in n else "_encoder") + "_sequence_length", HD]) for n in list_of_names]

def save(graph, name):
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], producer_name="make_whisper.py"); model.ir_version = 8
    onnx.checker.check_model(model); onnx.save(model, os.path.join(OUT, name))

os.makedirs(OUT, exist_ok=True)
save(encoder(), "encoder_model.onnx")
g = decoder(False); save(h.make_graph(g.nodes, "decoder", [IDS, HEARD], [LOGITS] + infos(names("present")), g.initializers()), "decoder_model.onnx")
g = decoder(True); save(h.make_graph(g.nodes, "decoder", [IDS] + infos(names("past_key_values")), [LOGITS] + infos(names("present", ("decoder",))), g.initializers()), "decoder_with_past_model.onnx")
first, following = decoder(False, "first/"), decoder(True, "next/")
outputs = ["logits"] + names("present")
for i in range(LAYERS):
    # As optimum's merged files: what was heard comes out empty where it was given.
    for part in ("key", "value"): following.nodes.append(h.make_node("Constant", [], [f"next/present.{i}.encoder.{part}"], value=numpy_helper.from_array(np.zeros((0, HEADS, 1, HD), np.float32))))
branch = lambda g, prefix: h.make_graph(g.nodes, prefix.strip("/"), [], [h.make_tensor_value_info(prefix + n, T.FLOAT, None) for n in outputs], g.initializers(False))
choice = h.make_node("If", ["use_cache_branch"], outputs, then_branch=branch(following, "next/"), else_branch=branch(first, "first/"))
save(h.make_graph([choice], "merged", [IDS, HEARD] + infos(names("past_key_values")) + [h.make_tensor_value_info("use_cache_branch", T.BOOL, [1])], [LOGITS] + infos(names("present")),
                  [numpy_helper.from_array(W[n], n) for n in sorted(first.used | following.used)]), "decoder_model_merged.onnx")

# ---- Configuration and tokenizer: the 256 bytes, and Whisper's tokens. Only printable ASCII is written.
characters = []; other = 256
for i in range(256):
    printable = 33 <= i <= 126 or 161 <= i <= 172 or 174 <= i <= 255
    characters.append(chr(i) if printable else chr(other)); other += not printable
SUPPRESSED = [i for i in range(256) if not 32 <= i <= 126]
BEGIN = [32, EOT]
special = ["<|endoftext|>", "<|startoftranscript|>"] + [f"<|{l}|>" for l in LANGUAGES] + ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
dump = lambda name, value: open(os.path.join(OUT, name), "w").write(json.dumps(value) + "\n")
dump("config.json", {"model_type": "whisper", "d_model": D, "decoder_layers": LAYERS, "encoder_layers": LAYERS, "decoder_attention_heads": HEADS, "encoder_attention_heads": HEADS, "max_target_positions": CONTEXT,
                     "max_source_positions": POSITIONS, "num_mel_bins": MELS, "vocab_size": VOCABULARY, "eos_token_id": EOT, "decoder_start_token_id": SOT})
dump("generation_config.json", {"is_multilingual": True, "suppress_tokens": SUPPRESSED, "begin_suppress_tokens": BEGIN, "max_initial_timestamp_index": 50, "no_timestamps_token_id": NOTIMES})
dump("tokenizer.json", {"version": "1.0", "added_tokens": [{"id": EOT + i, "content": t, "special": True, "normalized": False} for i, t in enumerate(special)],
                        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}, "decoder": {"type": "ByteLevel"},
                        "model": {"type": "BPE", "vocab": {c: i for i, c in enumerate(characters)}, "merges": []}})

# ---- The sound: whole numbers only, so that every program makes the same.
def sound(seconds, silent_from=None):
    samples, state, before = np.zeros(seconds * 16000, np.int64), 12345, 0
    for i in range(len(samples)):
        state = (state * 1103515245 + 12345) & 0x7fffffff
        k = (i // 4000) % 7
        before = (((state >> 16) & 0x7fff) - 16384 + k * before) // (k + 1)
        samples[i] = before * ((i // 1600) * 37 % 100) // 100
    return samples / 32768.0

# ---- Log-mel spectrogram.
def mel_filters(bands):
    to_mel = lambda f: np.where(f < 1000, f / (200 / 3), 15 + np.log(np.maximum(f, 1e-9) / 1000) * 27 / np.log(6.4))
    to_hz = lambda m: np.where(m < 15, m * 200 / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))
    edges = to_hz(np.linspace(0, to_mel(np.array(8000.0)), bands + 2)); f = np.linspace(0, 8000, 201)
    up = (f[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]; down = (edges[2:, None] - f[None]) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(up, down)) * (2 / (edges[2:] - edges[:-2]))[:, None]
def log_mel(audio, bands):
    audio = np.pad(np.concatenate([audio, np.zeros(480000)]), 200, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.lib.stride_tricks.sliding_window_view(audio, 400)[::160][:-1]
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    log = np.log10(np.maximum(mel_filters(bands) @ power.T, 1e-10))
    return (np.maximum(log, log.max() - 8) + 4) / 4

# ---- The model once more, in double precision and without caches.
P = {k: v.astype(np.float64) for k, v in W.items()}
from math import erf
gelu = lambda x: x * 0.5 * (1 + np.vectorize(erf)(x / math.sqrt(2)))
ln = lambda x, n: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * P[n + ".w"] + P[n + ".b"]
lin = lambda x, n: x @ P[n + ".w"] + P.get(n + ".b", 0)
def softmax(x): e = np.exp(x - x.max(-1, keepdims=True)); return e / e.sum(-1, keepdims=True)
def attend(x, y, n, causal=False):
    split = lambda z: z.reshape(len(z), HEADS, HD).transpose(1, 0, 2)
    q, k, v = split(lin(x, n + ".q")) * HD ** -0.5, split(lin(y, n + ".k")), split(lin(y, n + ".v"))
    s = q @ k.transpose(0, 2, 1)
    if causal: s = np.where(np.tril(np.ones(s.shape[1:], bool)), s, -np.inf)
    return lin((softmax(s) @ v).transpose(1, 0, 2).reshape(len(x), D), n + ".o")
def encode(mel):
    def conv(x, n, stride):
        x = np.pad(x, ((0, 0), (1, 1))); cols = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)[:, ::stride]
        return np.einsum("itk,oik->ot", cols, P[n + ".w"]) + P[n + ".b"][:, None]
    x = gelu(conv(gelu(conv(mel, "conv1", 1)), "conv2", 2)).T + P["enc.pos"]
    for i in range(LAYERS):
        y = ln(x, f"enc.{i}.n1"); x = x + attend(y, y, f"enc.{i}.a"); x = x + lin(gelu(lin(ln(x, f"enc.{i}.n2"), f"enc.{i}.fc1")), f"enc.{i}.fc2")
    return ln(x, "enc.n")
def decode(tokens, heard):
    x = P["embed"][tokens] + P["dec.pos"][:len(tokens)]
    for i in range(LAYERS):
        y = ln(x, f"dec.{i}.n1"); x = x + attend(y, y, f"dec.{i}.a", causal=True); x = x + attend(ln(x, f"dec.{i}.nc"), heard, f"dec.{i}.c")
        x = x + lin(gelu(lin(ln(x, f"dec.{i}.n2"), f"dec.{i}.fc1")), f"dec.{i}.fc2")
    return ln(x, "dec.n") @ P["embed"].T

# ---- Whisper's decoding.
margins = []
def rules(l, text, times):
    l = l.copy()
    if not text: l[BEGIN] = -np.inf
    l[SUPPRESSED + [SOT, PREV, TRANSLATE, TRANSCRIBE, NOSPEECH, LM]] = -np.inf
    if not times: return l
    l[NOTIMES] = -np.inf
    last, before = len(text) >= 1 and text[-1] >= TB, len(text) < 2 or text[-2] >= TB
    if last:
        if before: l[TB:] = -np.inf
        else: l[:EOT] = -np.inf
    said = [t for t in text if t >= TB]
    if said: l[TB:said[-1] if last and not before else said[-1] + 1] = -np.inf
    if not text: l[:TB] = -np.inf; l[TB + 51:] = -np.inf
    with np.errstate(divide="ignore"): both = np.log(np.sum(np.exp(l[TB:]))), l[:TB].max()
    if np.isfinite(both).all(): margins.append(abs(both[0] - both[1]))
    if both[0] > both[1]: l[:TB] = -np.inf
    return l
def window(mel, language, task, times, before):
    heard = encode(mel)
    start = ([PREV] + before[-(CONTEXT // 2 - 1):] if before else []) + [SOT, language, task] + ([] if times else [NOTIMES])
    tokens, total, silent = [], 0.0, None
    for i in range(CONTEXT // 2):
        scores = decode(start + tokens, heard)
        if silent is None: silent = softmax(scores[start.index(SOT)])[NOSPEECH]
        l = rules(scores[-1], tokens, times); best = int(l.argmax())
        top = np.sort(l[np.isfinite(l)])[-2:]
        if len(top) == 2: margins.append(top[1] - top[0])
        total += l[best] - (np.log(np.sum(np.exp(l - l.max()))) + l.max())
        if best == EOT: break
        tokens.append(best)
        if len(start) + len(tokens) > CONTEXT: break
    return tokens, total / (len(tokens) + 1), silent
def transcribe(audio, language=None, task=TRANSCRIBE, times=True, prompt=None, parts=None, condition=True, threshold=None):
    mel = log_mel(audio, MELS); frames = mel.shape[1] - 3000
    fit = lambda m: np.pad(m[:, :3000], ((0, 0), (0, max(0, 3000 - m.shape[1]))))
    if language is None:
        scores = decode([SOT], encode(fit(mel[:, :min(3000, frames)])))[0][EN:EN + len(LANGUAGES)]; language = EN + int(scores.argmax()); margins.append(np.diff(np.sort(scores)[-2:])[0])
    before, segments = list((" " + prompt).encode()) if prompt else [], []
    for begin, end in parts or [(0, frames)]:
        seek = begin
        while seek < end:
            size = min(3000, frames - seek, end - seek); offset = seek * 0.01
            tokens, likelihood, silent = window(fit(mel[:, seek:seek + size]), language, task, times, before)
            if threshold is not None and silent > threshold and not likelihood > -1: seek += size; continue
            is_time = [t >= TB for t in tokens]; single = is_time[-2:] == [False, True]
            cuts = [i for i in range(1, len(tokens)) if is_time[i] and is_time[i - 1]]; current = []
            if cuts:
                if single: cuts.append(len(tokens))
                last = 0
                for cut in cuts:
                    piece = tokens[last:cut]; current.append((offset + (piece[0] - TB) * 0.02, offset + (piece[-1] - TB) * 0.02, piece)); last = cut
                seek += size if single else (tokens[last - 1] - TB) * 2
            else:
                length = size * 0.01; said = [t for t in tokens if t >= TB]
                if said and said[-1] != TB: length = (said[-1] - TB) * 0.02
                current.append((offset, offset + length, tokens)); seek += size
            for a, b, piece in current:
                text = bytes(t for t in piece if t < EOT).decode()
                if a == b or not text.strip(): continue
                before += piece
                segments.append({"start": round(a, 3), "end": round(b, 3), "text": text, "tokens": piece, "likelihood": likelihood, "silent": silent})
            if not condition: before = []
    return {"language": LANGUAGES[language - EN], "segments": segments}

audio = sound(70)
mels = []
for bands in (80, 128):
    mel = log_mel(audio[:16000 * 4], bands)[:, :400]
    mels.append({"bands": bands, "values": [[b, f, round(float(mel[b, f]), 6)] for b in range(0, bands, 7) for f in list(range(0, 400, 23)) + [399]]})
cases = {
    "plain": transcribe(audio), "translated": transcribe(audio, language=EN + 1, task=TRANSLATE), "without times": transcribe(audio, language=EN, times=False),
    "prompted": transcribe(audio[:16000 * 31], language=EN, prompt="names"), "parts": transcribe(audio, language=EN, parts=[(100, 700), (2000, 5500)], condition=False),
    "short": transcribe(audio[:16000], language=EN), "silent": transcribe(audio, language=EN, threshold=0.001),
}
heard = encode(np.pad(log_mel(audio, MELS)[:, :3000], ((0, 0), (0, 0))))
print("smallest margin", min(margins), {k: (v["language"], [(s["start"], s["end"], len(s["tokens"])) for s in v["segments"]]) for k, v in cases.items()})
json.dump({"mels": mels, "cases": cases}, open(os.path.join(HERE, "whisper.json"), "w"), indent=0)
