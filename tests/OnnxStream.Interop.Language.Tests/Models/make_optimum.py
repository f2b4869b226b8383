#!/usr/bin/python3
"""Writes tiny-optimum: a Llama of random weights as optimum exports one: attention in single nodes, rotary embedding by position_ids, a mask that is
computed from attention_mask, caches of past_key_values. The folder has config.json, generation_config.json and model.onnx with its weights. And tiny-merged: the same
decoder as optimum merges one, with an If that use_cache_branch decides: one branch reads the cache, the other begins a text without one."""
import json, os
import numpy as np
import onnx
from onnx import helper as h, numpy_helper, TensorProto as T

LAYERS, HIDDEN, HEADS, KV, HEAD, INNER, VOCAB, CONTEXT = 2, 32, 4, 2, 8, 48, 120, 96
rng = np.random.default_rng(3)
nodes, weights = [], []

def const(name, value, dtype=np.float32):
    weights.append(numpy_helper.from_array(np.asarray(value, dtype), name)); return name
def node(op, inputs, name, **a):
    nodes.append(h.make_node(op, inputs, [name], name="/" + name, **a)); return name
def linear(x, name, k, n):
    return node("MatMul", [x, const(name + ".weight", rng.standard_normal((k, n)) / np.sqrt(k))], name)
def norm(x, name):
    v = node("ReduceMean", [node("Pow", [x, const(name + ".two", 2)], name + ".sq")], name + ".mean", axes=[-1])
    r = node("Sqrt", [node("Add", [v, const(name + ".eps", 1e-5)], name + ".add")], name + ".sqrt")
    return node("Mul", [const(name + ".weight", 1 + 0.1 * rng.standard_normal(HIDDEN)), node("Mul", [x, node("Div", [const(name + ".one", 1), r], name + ".inv")], name + ".n")], name)

# Shapes: sequence, past and total.
def dim(x, i, name):
    return node("Gather", [node("Shape", [x], name + ".shape"), const(name + ".i", i, np.int64)], name, axis=0)
batch, seq = dim("input_ids", 0, "batch"), dim("input_ids", 1, "seq")
past = dim("past_key_values.0.key", 2, "past")
total = node("Add", [past, seq], "total")
un = lambda x, name: node("Unsqueeze", [x, const(name + ".ax", [0], np.int64)], name)
zero, one = const("zero", 0, np.int64), const("one", 1, np.int64)
# Mask: key j may be seen by query i if j <= past + i and attention_mask[j].
rows = node("Unsqueeze", [node("Range", [past, total, one], "rows.range"), const("rows.ax", [1], np.int64)], "rows")
cols = node("Unsqueeze", [node("Range", [zero, total, one], "cols.range"), const("cols.ax", [0], np.int64)], "cols")
causal = node("LessOrEqual", [cols, rows], "causal")
am = node("Cast", [node("Unsqueeze", ["attention_mask", const("am.ax", [1, 2], np.int64)], "am.u")], "am", to=T.BOOL)
seen = node("And", [node("Unsqueeze", [causal, const("causal.ax", [0, 1], np.int64)], "causal.u"), am], "seen")
mask = node("Where", [seen, const("mask.zero", 0), const("mask.min", -3.4e38)], "mask")
# Rotary embedding.
inv = (1 / (10000 ** (np.arange(0, HEAD, 2) / HEAD))).astype(np.float32)
pos = node("Cast", [node("Unsqueeze", ["position_ids", const("pos.ax", [-1], np.int64)], "pos.u")], "pos", to=T.FLOAT)
freqs = node("Mul", [pos, const("inv_freq", inv.reshape(1, 1, -1))], "freqs")
emb = node("Concat", [freqs, freqs], "emb", axis=-1)
cos = node("Unsqueeze", [node("Cos", [emb], "cos.c"), const("cos.ax", [1], np.int64)], "cos")
sin = node("Unsqueeze", [node("Sin", [emb], "sin.s"), const("sin.ax", [1], np.int64)], "sin")

def heads(x, count, name):
    shape = node("Concat", [un(batch, name + ".b"), un(seq, name + ".s"), const(name + ".h", [count, HEAD], np.int64)], name + ".to", axis=0)
    return node("Transpose", [node("Reshape", [x, shape], name + ".r")], name, perm=[0, 2, 1, 3])
def rotate(x, name):
    half = HEAD // 2
    sl = lambda a, b, n: node("Slice", [x, const(n + ".a", [a], np.int64), const(n + ".b", [b], np.int64), const(n + ".x", [3], np.int64)], n)
    turned = node("Concat", [node("Neg", [sl(half, HEAD, name + ".hi")], name + ".neg"), sl(0, half, name + ".lo")], name + ".half", axis=-1)
    return node("Add", [node("Mul", [x, cos], name + ".c"), node("Mul", [turned, sin], name + ".s")], name)
def repeat(x, name):
    g = HEADS // KV
    u = node("Unsqueeze", [x, const(name + ".ax", [2], np.int64)], name + ".u")
    e = node("Expand", [u, node("Concat", [un(batch, name + ".b"), const(name + ".k", [KV, g], np.int64), un(total, name + ".t"), const(name + ".d", [HEAD], np.int64)], name + ".es", axis=0)], name + ".e")
    return node("Reshape", [e, node("Concat", [un(batch, name + ".b2"), const(name + ".h", [HEADS], np.int64), un(total, name + ".t2"), const(name + ".d2", [HEAD], np.int64)], name + ".rs", axis=0)], name)

x = node("Gather", [const("embed", rng.standard_normal((VOCAB, HIDDEN))), "input_ids"], "x0", axis=0)
inputs = [h.make_tensor_value_info("input_ids", T.INT64, ["batch_size", "sequence_length"]), h.make_tensor_value_info("attention_mask", T.INT64, ["batch_size", "past_sequence_length + sequence_length"]),
          h.make_tensor_value_info("position_ids", T.INT64, ["batch_size", "sequence_length"])]
outputs = [h.make_tensor_value_info("logits", T.FLOAT, ["batch_size", "sequence_length", VOCAB])]
for i in range(LAYERS):
    L = f"l{i}"
    y = norm(x, L + ".in")
    q, k, v = rotate(heads(linear(y, L + ".q", HIDDEN, HEADS * HEAD), HEADS, L + ".qh"), L + ".qr"), rotate(heads(linear(y, L + ".k", HIDDEN, KV * HEAD), KV, L + ".kh"), L + ".kr"), heads(linear(y, L + ".v", HIDDEN, KV * HEAD), KV, L + ".vh")
    for kind in ("key", "value"):
        inputs.append(h.make_tensor_value_info(f"past_key_values.{i}.{kind}", T.FLOAT, ["batch_size", KV, "past_sequence_length", HEAD]))
        outputs.append(h.make_tensor_value_info(f"present.{i}.{kind}", T.FLOAT, ["batch_size", KV, "past_sequence_length + sequence_length", HEAD]))
    k = node("Concat", [f"past_key_values.{i}.key", k], f"present.{i}.key", axis=2)
    v = node("Concat", [f"past_key_values.{i}.value", v], f"present.{i}.value", axis=2)
    kr, vr = repeat(k, L + ".krep"), repeat(v, L + ".vrep")
    s = node("Mul", [node("MatMul", [q, node("Transpose", [kr], L + ".kt", perm=[0, 1, 3, 2])], L + ".qk"), const(L + ".scale", HEAD ** -0.5)], L + ".scaled")
    p = node("Softmax", [node("Add", [s, mask], L + ".masked")], L + ".p", axis=-1)
    o = node("Transpose", [node("MatMul", [p, vr], L + ".pv")], L + ".ot", perm=[0, 2, 1, 3])
    o = node("Reshape", [o, node("Concat", [un(batch, L + ".ob"), un(seq, L + ".os"), const(L + ".oh", [HEADS * HEAD], np.int64)], L + ".oto", axis=0)], L + ".or")
    x = node("Add", [x, linear(o, L + ".o", HEADS * HEAD, HIDDEN)], L + ".res1")
    y = norm(x, L + ".post")
    g = linear(y, L + ".gate", HIDDEN, INNER)
    x = node("Add", [x, linear(node("Mul", [node("Mul", [g, node("Sigmoid", [g], L + ".sig")], L + ".silu"), linear(y, L + ".up", HIDDEN, INNER)], L + ".gu"), L + ".down", INNER, HIDDEN)], L + ".res2")
logits = linear(norm(x, "final"), "lm_head", HIDDEN, VOCAB)
node("Identity", [logits], "logits")
model = h.make_model(h.make_graph(nodes, "main_graph", inputs, outputs, weights), opset_imports=[h.make_opsetid("", 17)])
model.ir_version = 8
onnx.checker.check_model(model)

def write(folder, file, model):
    out = os.path.join(os.path.dirname(os.path.abspath(__file__)), folder)
    os.makedirs(out, exist_ok=True)
    onnx.save(model, f"{out}/{file}")
    json.dump(dict(model_type="llama", max_position_embeddings=CONTEXT, vocab_size=VOCAB, num_hidden_layers=LAYERS, num_attention_heads=HEADS, num_key_value_heads=KV, hidden_size=HIDDEN, head_dim=HEAD, bos_token_id=1, eos_token_id=2), open(f"{out}/config.json", "w"), indent=1)
    json.dump(dict(do_sample=False, eos_token_id=[2, 3]), open(f"{out}/generation_config.json", "w"), indent=1)
write("tiny-optimum", "model.onnx", model)

# The branch without a cache has an empty one inside; names of its own, but for what it gives.
given = {o.name for o in outputs}
made = {o for n in nodes for o in n.output} - given
empty = [h.make_node("Constant", [], [f"no_cache/{i.name}"], value=numpy_helper.from_array(np.zeros((1, KV, 0, HEAD), np.float32))) for i in inputs if i.name.startswith("past_key_values")]
def renamed(n):
    c = onnx.NodeProto(); c.CopyFrom(n); c.name = "no_cache/" + n.name
    del c.input[:], c.output[:]
    c.input.extend("no_cache/" + x if x in made or x.startswith("past_key_values") else x for x in n.input)
    c.output.extend("no_cache/" + x if x in made else x for x in n.output)
    return c
bare = [onnx.ValueInfoProto(name=o.name, type=o.type) for o in outputs]
branch = h.make_node("If", ["use_cache_branch"], [o.name for o in outputs], name="optimum::if",
    then_branch=h.make_graph(nodes, "with_past", [], bare), else_branch=h.make_graph(empty + [renamed(n) for n in nodes], "no_past", [], bare))
merged = h.make_model(h.make_graph([branch], "merged", inputs + [h.make_tensor_value_info("use_cache_branch", T.BOOL, [1])], outputs, weights), opset_imports=[h.make_opsetid("", 17)])
merged.ir_version = 8
onnx.checker.check_model(merged)
write("tiny-merged", "decoder_model_merged.onnx", merged)
