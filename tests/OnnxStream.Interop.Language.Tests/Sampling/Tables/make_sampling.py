#!/usr/bin/python3
"""Writes sampling.json: scores, options and the probabilities that remain, computed with numpy in the order of Hugging Face's
transformers (bias, penalties, temperature, top-k, top-p, min-p, typical), each step written from its paper. Independent of the C#."""
import json, os
import numpy as np

def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()

def order(x):
    """Descending; of equal scores the smaller id first."""
    return np.lexsort((np.arange(len(x)), -x))

def distribution(logits, prompt, answer, o):
    x = np.array(logits, np.float64)
    for i, b in o.get("bias", {}).items():
        x[int(i)] += b
    r = o.get("repetition", 1)
    for i in set(prompt) | set(answer):
        if r != 1:
            x[i] = x[i] * r if x[i] < 0 else x[i] / r
    for i in set(answer):
        x[i] -= answer.count(i) * o.get("frequency", 0) + o.get("presence", 0)
    x = x / o.get("temperature", 1)
    keep = np.ones(len(x), bool)
    k = o.get("top_k", 0)
    if k:
        keep[order(x)[k:]] = False
    def probabilities():
        return softmax(np.where(keep, x, -np.inf))
    p = o.get("top_p", 1)
    if p < 1:
        probs = probabilities()
        ids = order(np.where(keep, x, -np.inf))
        total = 0
        for n, i in enumerate(ids):
            total += probs[i]
            if total >= p:
                keep[ids[n + 1:]] = False
                break
    m = o.get("min_p", 0)
    if m:
        probs = probabilities()
        keep &= probs >= m * probs.max()
    t = o.get("typical_p", 1)
    if t < 1:
        probs = probabilities()
        logp = np.where(keep, np.log(np.where(probs > 0, probs, 1)), 0)
        entropy = -(probs * logp).sum()
        shift = np.where(keep, np.abs(-logp - entropy), np.inf)
        ids = np.lexsort((order(x).argsort(), shift))
        total = 0
        for n, i in enumerate(ids):
            total += probs[i]
            if total >= t:
                keep[ids[n + 1:]] = False
                break
    return probabilities()

M64 = (1 << 64) - 1
def splitmix(seed, n):
    out = []
    s = seed & M64
    for _ in range(n):
        s = (s + 0x9E3779B97F4A7C15) & M64
        z = s
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
        out.append(((z ^ (z >> 31)) >> 11) / (1 << 53))
    return out

def draws(p, seed, n):
    ids = np.lexsort((np.arange(len(p)), -p))
    result = []
    for u in splitmix(seed, n):
        left = u
        chosen = int(ids[0])
        for i in ids:
            if p[i] == 0:
                break
            chosen = int(i)
            left -= p[i]
            if left < 0:
                break
        result.append(chosen)
    return result

rng = np.random.default_rng(7)
cases = []
options = [
    {}, {"temperature": 0.7}, {"temperature": 1.8}, {"top_k": 5}, {"top_k": 1}, {"top_p": 0.9}, {"top_p": 0.3}, {"top_p": 0.01}, {"min_p": 0.1}, {"min_p": 1.0},
    {"typical_p": 0.9}, {"typical_p": 0.2}, {"repetition": 1.3}, {"repetition": 0.8}, {"frequency": 0.5}, {"presence": 0.9}, {"frequency": 0.4, "presence": -0.6},
    {"bias": {"3": 4.5, "7": -100.0}}, {"temperature": 0.8, "top_k": 12, "top_p": 0.8, "min_p": 0.05, "typical_p": 0.9, "repetition": 1.2, "frequency": 0.1, "presence": 0.2, "bias": {"0": 1.0}},
    {"temperature": 0.6, "top_k": 20, "top_p": 0.95}, {"temperature": 1.3, "min_p": 0.02, "top_k": 3}]
for n, o in enumerate(options):
    size = [16, 40, 200][n % 3]
    logits = (rng.standard_normal(size) * 3).astype(np.float32)
    if n % 4 == 1:
        logits[5] = logits[2]                      # equal scores
    prompt = [int(i) for i in rng.integers(0, size, 6)]
    answer = [int(i) for i in rng.integers(0, size, 4)] * 2
    p = distribution(logits, prompt, answer, o)
    top = np.lexsort((np.arange(size), -logits.astype(np.float64)))[:3]
    logs = np.log(softmax(logits.astype(np.float64)))
    cases.append(dict(logits=[float(x) for x in logits], prompt=prompt, answer=answer, options=o, probabilities=[float(x) for x in p], seed=n * 7919 - 3,
                      draws=draws(p, n * 7919 - 3, 12), top=[[int(i), float(logs[i])] for i in top]))
json.dump(cases, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sampling.json"), "w"))
