"""Transformers with random weights, written from their published descriptions, in the spelling of the libraries that they are usually
exported from: heads by view and transpose, masks as large negative numbers, caches as inputs and outputs.

Every function takes "full", published widths (of some, fewer layers), or "tiny", the same topology with few channels, and returns
the module, its inputs by name, the names of its outputs, and the axes that may stay open.
"""
import math

import torch
from torch import nn
import torch.nn.functional as F
from torchvision.models import VisionTransformer

LOWEST = -10000.0


def tokens(vocabulary, *shape):
    return torch.randint(0, vocabulary, shape)


def split_heads(x, heads):
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def join_heads(x):
    return x.transpose(1, 2).contiguous().view(x.shape[0], x.shape[2], -1)


def initialize(module, std):
    for m in module.modules():
        if isinstance(m, (nn.Linear, nn.Embedding, nn.Conv1d)):
            nn.init.normal_(m.weight, 0.0, std)
            if getattr(m, "bias", None) is not None:
                nn.init.normal_(m.bias, 0.0, 0.02)
        elif isinstance(m, nn.LayerNorm) and m.elementwise_affine:
            nn.init.uniform_(m.weight, 0.8, 1.2)
            nn.init.normal_(m.bias, 0.0, 0.05)
    return module.eval()


def cache(layers, *shape):
    """Inputs and names of outputs for the keys and values of earlier tokens."""
    pairs = [(i, kind) for i in range(layers) for kind in ("key", "value")]
    inputs = {f"past.{i}.{kind}": torch.randn(*shape) for i, kind in pairs}
    return inputs, [f"present.{i}.{kind}" for i, kind in pairs]


def cache_axes(layers):
    return {f"{time}.{i}.{kind}": {0: "batch", 2: f"{time}_sequence"} for time in ("past", "present") for i in range(layers) for kind in ("key", "value")}


# ----------------------------------------------------------------------------- BERT
class BertLayer(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(d, d) for _ in range(4))
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.norm1, self.norm2 = nn.LayerNorm(d, eps=1e-12), nn.LayerNorm(d, eps=1e-12)

    def split(self, x):
        return x.view(x.size()[:-1] + (self.heads, x.shape[-1] // self.heads)).permute(0, 2, 1, 3)

    def forward(self, x, mask):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
        context = torch.matmul(F.softmax(scores + mask, dim=-1), v).permute(0, 2, 1, 3).contiguous()
        context = context.view(context.size()[:-2] + (x.shape[-1],))
        x = self.norm1(self.output(context) + x)
        return self.norm2(self.down(F.gelu(self.up(x))) + x)


class Bert(nn.Module):
    def __init__(self, d=768, heads=12, layers=12, vocabulary=30522, positions=512):
        super().__init__()
        self.word, self.position, self.kind = nn.Embedding(vocabulary, d), nn.Embedding(positions, d), nn.Embedding(2, d)
        self.norm = nn.LayerNorm(d, eps=1e-12)
        self.register_buffer("position_ids", torch.arange(positions)[None])
        self.layers = nn.ModuleList(BertLayer(d, heads) for _ in range(layers))
        self.pooler = nn.Linear(d, d)

    def forward(self, input_ids, attention_mask, token_type_ids):
        mask = (1.0 - attention_mask[:, None, None, :].to(self.word.weight.dtype)) * LOWEST
        x = self.word(input_ids) + self.kind(token_type_ids) + self.position(self.position_ids[:, :input_ids.shape[1]])
        x = self.norm(x)
        for layer in self.layers:
            x = layer(x, mask)
        return x, torch.tanh(self.pooler(x[:, 0]))


def bert(size):
    module, vocabulary, n = (Bert(), 30522, 128) if size == "full" else (Bert(24, 3, 2, 50, 40), 50, 12)
    inputs = {"input_ids": tokens(vocabulary, 1, n), "attention_mask": (torch.arange(n) < n * 3 // 4).long()[None], "token_type_ids": (torch.arange(n) > n // 2).long()[None]}
    axes = {name: {0: "batch", 1: "sequence"} for name in (*inputs, "last_hidden_state")}
    return initialize(module, 0.03 if size == "full" else 0.2), inputs, ["last_hidden_state", "pooler_output"], {**axes, "pooler_output": {0: "batch"}}


# ----------------------------------------------------------------------------- GPT-2
class TransposedLinear(nn.Module):
    """A linear layer whose weight lies as [inputs, outputs]."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) / math.sqrt(inputs))
        self.bias = nn.Parameter(0.02 * torch.randn(outputs))

    def forward(self, x):
        shape = x.size()[:-1] + (self.weight.shape[1],)
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(shape)


class Gpt2Layer(nn.Module):
    def __init__(self, d, heads, positions):
        super().__init__()
        self.d, self.heads = d, heads
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention, self.projection = TransposedLinear(d, 3 * d), TransposedLinear(d, d)
        self.up, self.down = TransposedLinear(d, 4 * d), TransposedLinear(4 * d, d)
        self.register_buffer("bias", torch.tril(torch.ones(positions, positions, dtype=torch.bool))[None, None])

    def forward(self, x, past_key, past_value):
        q, k, v = self.attention(self.norm1(x)).split(self.d, dim=2)
        q, k, v = split_heads(q, self.heads), split_heads(k, self.heads), split_heads(v, self.heads)
        k, v = torch.cat((past_key, k), dim=-2), torch.cat((past_value, v), dim=-2)
        w = torch.matmul(q, k.transpose(-1, -2)) / (v.size(-1) ** 0.5)
        n, m = q.size(-2), k.size(-2)
        w = torch.where(self.bias[:, :, m - n:m, :m], w, torch.tensor(torch.finfo(w.dtype).min, dtype=w.dtype))
        x = x + self.projection(join_heads(torch.matmul(F.softmax(w, dim=-1), v)))
        h = self.up(self.norm2(x))
        h = 0.5 * h * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (h + 0.044715 * torch.pow(h, 3.0))))
        return x + self.down(h), k, v


class Gpt2(nn.Module):
    def __init__(self, d=768, heads=12, layers=12, vocabulary=50257, positions=1024):
        super().__init__()
        self.word, self.position = nn.Embedding(vocabulary, d), nn.Embedding(positions, d)
        self.layers = nn.ModuleList(Gpt2Layer(d, heads, positions) for _ in range(layers))
        self.norm = nn.LayerNorm(d)

    def forward(self, input_ids, *past):
        start = past[0].size(-2)
        ids = torch.arange(start, start + input_ids.size(-1), dtype=torch.long)[None].view(-1, input_ids.size(-1))
        x = self.word(input_ids) + self.position(ids)
        presents = []
        for i, layer in enumerate(self.layers):
            x, k, v = layer(x, past[2 * i], past[2 * i + 1])
            presents += [k, v]
        # The output layer has the weight of the embedding.
        return (F.linear(self.norm(x), self.word.weight), *presents)


def gpt2(size):
    layers, heads, d, vocabulary, positions, n, start = (12, 12, 768, 50257, 1024, 1, 127) if size == "full" else (2, 3, 24, 61, 32, 5, 3)
    module = initialize(Gpt2(d, heads, layers, vocabulary, positions), 0.02 if size == "full" else 0.2)
    past, presents = cache(layers, 1, heads, start, d // heads)
    axes = {"input_ids": {0: "batch", 1: "sequence"}, "logits": {0: "batch", 1: "sequence"}, **cache_axes(layers)}
    return module, {"input_ids": tokens(vocabulary, 1, n), **past}, ["logits", *presents], axes


# ----------------------------------------------------------------------------- Llama
class RmsNorm(nn.Module):
    def __init__(self, d, eps=1e-5):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.empty(d).uniform_(0.8, 1.2)), eps

    def forward(self, x):
        dtype = x.dtype
        x = x.to(torch.float32)
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * x.to(dtype)


def rotate_half(x):
    a, b = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2:]
    return torch.cat((-b, a), dim=-1)


def repeat_heads(x, n):
    b, heads, t, d = x.shape
    return x[:, :, None, :, :].expand(b, heads, n, t, d).reshape(b, heads * n, t, d)


class LlamaLayer(nn.Module):
    def __init__(self, d, heads, groups, hidden):
        super().__init__()
        self.heads, self.groups, head = heads, groups, d // heads
        self.q, self.k, self.v, self.o = (nn.Linear(a, b, bias=False) for a, b in ((d, d), (d, groups * head), (d, groups * head), (d, d)))
        self.gate, self.up, self.down = nn.Linear(d, hidden, bias=False), nn.Linear(d, hidden, bias=False), nn.Linear(hidden, d, bias=False)
        self.norm1, self.norm2 = RmsNorm(d), RmsNorm(d)

    def forward(self, x, cos, sin, mask, past_key, past_value):
        h = self.norm1(x)
        q, k, v = split_heads(self.q(h), self.heads), split_heads(self.k(h), self.groups), split_heads(self.v(h), self.groups)
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        k, v = torch.cat((past_key, k), dim=2), torch.cat((past_value, v), dim=2)
        n = self.heads // self.groups
        w = torch.matmul(q, repeat_heads(k, n).transpose(2, 3)) / math.sqrt(q.shape[-1]) + mask
        w = F.softmax(w, dim=-1, dtype=torch.float32).to(q.dtype)
        x = x + self.o(join_heads(torch.matmul(w, repeat_heads(v, n))))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h)), k, v


class Llama(nn.Module):
    """Rotary positions, grouped queries, root-mean-square norms and gated feed-forward layers."""

    def __init__(self, d, heads, groups, hidden, layers, vocabulary, positions):
        super().__init__()
        self.word = nn.Embedding(vocabulary, d)
        self.layers = nn.ModuleList(LlamaLayer(d, heads, groups, hidden) for _ in range(layers))
        self.norm, self.head = RmsNorm(d), nn.Linear(d, vocabulary, bias=False)
        angles = torch.arange(positions).float()[:, None] / 10000.0 ** (torch.arange(0, d // heads, 2).float() / (d // heads))
        self.register_buffer("cos", torch.cat((angles, angles), -1).cos())
        self.register_buffer("sin", torch.cat((angles, angles), -1).sin())

    def forward(self, input_ids, attention_mask, position_ids, *past):
        x = self.word(input_ids)
        n, m = input_ids.shape[1], attention_mask.shape[1]
        lowest = torch.tensor(torch.finfo(x.dtype).min, dtype=x.dtype)
        rows, columns = torch.arange(m - n, m)[:, None], torch.arange(m)[None]
        allowed = (columns <= rows)[None, None] & attention_mask[:, None, None, :].bool()
        mask = torch.where(allowed, torch.zeros((), dtype=x.dtype), lowest)
        cos, sin = self.cos[position_ids][:, None], self.sin[position_ids][:, None]
        presents = []
        for i, layer in enumerate(self.layers):
            x, k, v = layer(x, cos, sin, mask, past[2 * i], past[2 * i + 1])
            presents += [k, v]
        return (self.head(self.norm(x)), *presents)


def llama(size):
    d, heads, groups, hidden, layers, vocabulary, n, start = (2048, 32, 8, 8192, 2, 1000, 32, 32) if size == "full" else (32, 4, 2, 48, 2, 53, 4, 2)
    module = initialize(Llama(d, heads, groups, hidden, layers, vocabulary, 2048 if size == "full" else 64), d ** -0.5)
    past, presents = cache(layers, 1, groups, start, d // heads)
    inputs = {"input_ids": tokens(vocabulary, 1, n), "attention_mask": torch.ones(1, start + n, dtype=torch.long), "position_ids": torch.arange(start, start + n)[None], **past}
    axes = {"input_ids": {0: "batch", 1: "sequence"}, "attention_mask": {0: "batch", 1: "total"}, "position_ids": {0: "batch", 1: "sequence"},
            "logits": {0: "batch", 1: "sequence"}, **cache_axes(layers)}
    return module, inputs, ["logits", *presents], axes


# ----------------------------------------------------------------------------- T5
class T5Norm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d).uniform_(0.8, 1.2))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.to(torch.float32).pow(2).mean(-1, keepdim=True) + 1e-6))


class T5Attention(nn.Module):
    def __init__(self, d, heads, head):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(a, b, bias=False) for a, b in ((d, heads * head),) * 3 + ((heads * head, d),))

    def forward(self, x, states, bias):
        q, k, v = split_heads(self.q(x), self.heads), split_heads(self.k(states), self.heads), split_heads(self.v(states), self.heads)
        scores = torch.matmul(q, k.transpose(3, 2)) + bias           # not scaled: the initialization of q does it
        w = F.softmax(scores.float(), dim=-1).type_as(scores)
        return self.o(join_heads(torch.matmul(w, v)))


class T5Bias(nn.Module):
    """A learned number for each head and bucket of distances, which grow with the logarithm."""

    def __init__(self, heads, bidirectional, buckets=32, furthest=128):
        super().__init__()
        self.table, self.bidirectional, self.buckets, self.furthest = nn.Embedding(buckets, heads), bidirectional, buckets, furthest

    def forward(self, n):
        distance = torch.arange(n)[None, :] - torch.arange(n)[:, None]
        buckets, result = self.buckets, 0
        if self.bidirectional:
            buckets //= 2
            result = (distance > 0).to(torch.long) * buckets
            distance = torch.abs(distance)
        else:
            distance = -torch.min(distance, torch.zeros_like(distance))
        exact = buckets // 2
        large = exact + (torch.log(distance.float() / exact) / math.log(self.furthest / exact) * (buckets - exact)).to(torch.long)
        large = torch.min(large, torch.full_like(large, buckets - 1))
        result = result + torch.where(distance < exact, distance, large)
        return self.table(result).permute([2, 0, 1]).unsqueeze(0)


class T5Layer(nn.Module):
    def __init__(self, d, heads, head, hidden, gated, decoder):
        super().__init__()
        self.norm1, self.attention = T5Norm(d), T5Attention(d, heads, head)
        if decoder:
            self.norm2, self.cross = T5Norm(d), T5Attention(d, heads, head)
        self.norm3, self.up, self.down = T5Norm(d), nn.Linear(d, hidden, bias=False), nn.Linear(hidden, d, bias=False)
        self.gate = nn.Linear(d, hidden, bias=False) if gated else None

    def forward(self, x, bias, states=None, states_bias=None):
        h = self.norm1(x)
        x = x + self.attention(h, h, bias)
        if states is not None:
            x = x + self.cross(self.norm2(x), states, states_bias)
        h = self.norm3(x)
        h = F.relu(self.up(h)) if self.gate is None else F.gelu(self.gate(h), approximate="tanh") * self.up(h)
        return x + self.down(h)


class T5Encoder(nn.Module):
    def __init__(self, d, heads, head, hidden, layers, vocabulary, gated):
        super().__init__()
        self.word, self.bias, self.norm = nn.Embedding(vocabulary, d), T5Bias(heads, True), T5Norm(d)
        self.layers = nn.ModuleList(T5Layer(d, heads, head, hidden, gated, False) for _ in range(layers))

    def forward(self, input_ids, attention_mask):
        mask = (1.0 - attention_mask[:, None, None, :].to(self.word.weight.dtype)) * LOWEST
        x, bias = self.word(input_ids), self.bias(input_ids.shape[1]) + mask
        for layer in self.layers:
            x = layer(x, bias)
        return self.norm(x)


class T5Decoder(nn.Module):
    def __init__(self, d, heads, head, hidden, layers, vocabulary, gated):
        super().__init__()
        self.word, self.bias, self.norm = nn.Embedding(vocabulary, d), T5Bias(heads, False), T5Norm(d)
        self.layers = nn.ModuleList(T5Layer(d, heads, head, hidden, gated, True) for _ in range(layers))

    def forward(self, input_ids, encoder_attention_mask, encoder_hidden_states):
        n = input_ids.shape[1]
        ids = torch.arange(n)
        causal = (ids[None, None, :].repeat(input_ids.shape[0], n, 1) <= ids[None, :, None])[:, None].float()
        bias = self.bias(n) + (1.0 - causal) * LOWEST
        states_bias = (1.0 - encoder_attention_mask[:, None, None, :].float()) * LOWEST
        x = self.word(input_ids)
        for layer in self.layers:
            x = layer(x, bias, encoder_hidden_states, states_bias)
        return F.linear(self.norm(x) * x.shape[-1] ** -0.5, self.word.weight)


T5_SIZES = {"full": (512, 8, 64, 2048, 6, 32128), "tiny": (24, 3, 8, 40, 2, 47)}


def t5_weights(module):
    for m in module.modules():
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, 0.0, 0.5 * m.in_features ** -0.5)
    return module.eval()


def t5_encoder(size):
    module, vocabulary, n = T5Encoder(*T5_SIZES[size], gated=True), T5_SIZES[size][5], 128 if size == "full" else 20
    inputs = {"input_ids": tokens(vocabulary, 1, n), "attention_mask": (torch.arange(n) < n - 3).long()[None]}
    return t5_weights(module), inputs, ["last_hidden_state"], {name: {0: "batch", 1: "sequence"} for name in (*inputs, "last_hidden_state")}


def t5_decoder(size):
    module, d, vocabulary = T5Decoder(*T5_SIZES[size], gated=False), T5_SIZES[size][0], T5_SIZES[size][5]
    n, m = (32, 128) if size == "full" else (7, 10)
    inputs = {"input_ids": tokens(vocabulary, 1, n), "encoder_attention_mask": (torch.arange(m) < m - 3).long()[None], "encoder_hidden_states": torch.randn(1, m, d)}
    axes = {"input_ids": {0: "batch", 1: "sequence"}, "encoder_attention_mask": {0: "batch", 1: "source"}, "encoder_hidden_states": {0: "batch", 1: "source"}}
    return t5_weights(module), inputs, ["logits"], {**axes, "logits": {0: "batch", 1: "sequence"}}


# ----------------------------------------------------------------------------- ViT
def vit(size):
    if size == "full":
        module, x = VisionTransformer(224, 16, 12, 12, 768, 3072), torch.randn(1, 3, 224, 224)
    else:
        module, x = VisionTransformer(32, 8, 2, 3, 24, 48, num_classes=10), torch.randn(1, 3, 32, 32)
        nn.init.normal_(module.heads.head.weight, 0.0, 0.2)
    nn.init.normal_(module.heads[-1].weight, 0.0, 0.05)
    return module.eval(), {"image": x}, ["logits"], {"image": {0: "batch"}, "logits": {0: "batch"}}


# ----------------------------------------------------------------------------- Whisper
class WhisperAttention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.head, self.scaling = heads, d // heads, (d // heads) ** -0.5
        self.q, self.k, self.v, self.o = nn.Linear(d, d), nn.Linear(d, d, bias=False), nn.Linear(d, d), nn.Linear(d, d)

    def shape(self, x):
        return x.view(x.shape[0], -1, self.heads, self.head).transpose(1, 2).contiguous()

    def attend(self, x, k, v, mask=None):
        b, n, d = x.size()
        flat = (b * self.heads, -1, self.head)
        q = self.shape(self.q(x) * self.scaling).view(*flat)
        w = torch.bmm(q, k.reshape(*flat).transpose(1, 2))
        if mask is not None:
            w = w.view(b, self.heads, n, k.size(2)) + mask
            w = w.view(b * self.heads, n, k.size(2))
        y = torch.bmm(F.softmax(w, dim=-1), v.reshape(*flat))
        return self.o(y.view(b, self.heads, n, self.head).transpose(1, 2).reshape(b, n, d))


class WhisperLayer(nn.Module):
    def __init__(self, d, heads, decoder):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(d), WhisperAttention(d, heads)
        if decoder:
            self.norm2, self.cross = nn.LayerNorm(d), WhisperAttention(d, heads)
        self.norm3, self.up, self.down = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)


class WhisperEncoder(nn.Module):
    """Two convolutions over time, fixed sinusoids, pre-norm blocks."""

    def __init__(self, d, heads, layers, bands, frames):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(bands, d, 3, padding=1), nn.Conv1d(d, d, 3, stride=2, padding=1)
        rates = torch.exp(-math.log(10000) / (d // 2 - 1) * torch.arange(d // 2))
        angles = torch.arange(frames // 2)[:, None] * rates[None]
        self.position = nn.Embedding(frames // 2, d)
        self.table = torch.cat((angles.sin(), angles.cos()), 1)
        self.layers, self.norm = nn.ModuleList(WhisperLayer(d, heads, False) for _ in range(layers)), nn.LayerNorm(d)

    def forward(self, input_features):
        x = F.gelu(self.conv2(F.gelu(self.conv1(input_features)))).permute(0, 2, 1)
        x = x + self.position.weight
        for l in self.layers:
            h = l.norm1(x)
            x = x + l.attention.attend(h, l.attention.shape(l.attention.k(h)), l.attention.shape(l.attention.v(h)))
            x = x + l.down(F.gelu(l.up(l.norm3(x))))
        return self.norm(x)


class WhisperDecoder(nn.Module):
    """Causal attention with a cache, and attention to the encoder's states."""

    def __init__(self, d, heads, layers, vocabulary, positions):
        super().__init__()
        self.word, self.position = nn.Embedding(vocabulary, d), nn.Embedding(positions, d)
        self.layers, self.norm = nn.ModuleList(WhisperLayer(d, heads, True) for _ in range(layers)), nn.LayerNorm(d)

    def forward(self, input_ids, encoder_hidden_states, *past):
        n, start = input_ids.shape[-1], past[0].shape[2]
        lowest = torch.full((n, start + n), torch.finfo(torch.float32).min)
        columns = torch.arange(start + n)
        mask = lowest.masked_fill(columns[None] < (columns[start:] + 1).view(n, 1), 0)[None, None]
        x = self.word(input_ids) + self.position.weight[start:start + n]
        presents = []
        for i, l in enumerate(self.layers):
            h = l.norm1(x)
            k = torch.cat([past[2 * i], l.attention.shape(l.attention.k(h))], dim=2)
            v = torch.cat([past[2 * i + 1], l.attention.shape(l.attention.v(h))], dim=2)
            presents += [k, v]
            x = x + l.attention.attend(h, k, v, mask)
            s = encoder_hidden_states
            x = x + l.cross.attend(l.norm2(x), l.cross.shape(l.cross.k(s)), l.cross.shape(l.cross.v(s)))
            x = x + l.down(F.gelu(l.up(l.norm3(x))))
        return (F.linear(self.norm(x), self.word.weight), *presents)


def whisper_encoder(size):
    d, heads, layers, bands, frames = (512, 8, 6, 80, 3000) if size == "full" else (24, 3, 2, 10, 40)
    module = initialize(WhisperEncoder(d, heads, layers, bands, frames), 0.03 if size == "full" else 0.15)
    module.position.weight.data.copy_(module.table)
    return module, {"input_features": torch.randn(1, bands, frames)}, ["last_hidden_state"], {"input_features": {0: "batch"}, "last_hidden_state": {0: "batch"}}


def whisper_decoder(size):
    d, heads, layers, vocabulary, positions, frames, n, start = (512, 8, 6, 51865, 448, 1500, 1, 31) if size == "full" else (24, 3, 2, 59, 32, 20, 3, 2)
    module = initialize(WhisperDecoder(d, heads, layers, vocabulary, positions), 0.03 if size == "full" else 0.15)
    past, presents = cache(layers, 1, heads, start, d // heads)
    axes = {"input_ids": {0: "batch", 1: "sequence"}, "encoder_hidden_states": {0: "batch", 1: "frames"}, "logits": {0: "batch", 1: "sequence"}, **cache_axes(layers)}
    return module, {"input_ids": tokens(vocabulary, 1, n), "encoder_hidden_states": torch.randn(1, frames, d), **past}, ["logits", *presents], axes


# ----------------------------------------------------------------------------- a diffusion transformer
class DiffusionBlock(nn.Module):
    """Scales, shifts and gates of both halves come from the time and the class."""

    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = (nn.LayerNorm(d, elementwise_affine=False, eps=1e-6) for _ in range(2))
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(d, 6 * d))

    def attention(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        w = ((q * (d // self.heads) ** -0.5) @ k.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((w @ v).transpose(1, 2).reshape(b, n, d))

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(c).chunk(6, dim=1)
        x = x + gate1.unsqueeze(1) * self.attention(self.norm1(x) * (1 + scale1.unsqueeze(1)) + shift1.unsqueeze(1))
        h = self.norm2(x) * (1 + scale2.unsqueeze(1)) + shift2.unsqueeze(1)
        return x + gate2.unsqueeze(1) * self.fc2(F.gelu(self.fc1(h), approximate="tanh"))


class DiffusionTransformer(nn.Module):
    def __init__(self, d, heads, layers, channels, side, patch, classes, frequencies=256):
        super().__init__()
        self.channels, self.side, self.patch, self.frequencies = channels, side, patch, frequencies
        self.embed = nn.Conv2d(channels, d, patch, patch)
        self.time = nn.Sequential(nn.Linear(frequencies, d), nn.SiLU(), nn.Linear(d, d))
        self.label = nn.Embedding(classes + 1, d)
        self.position = nn.Parameter(0.3 * torch.randn(1, (side // patch) ** 2, d))
        self.blocks = nn.ModuleList(DiffusionBlock(d, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(d, elementwise_affine=False, eps=1e-6)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(d, 2 * d))
        self.last = nn.Linear(d, patch * patch * 2 * channels)

    def forward(self, latent, timestep, label):
        half = self.frequencies // 2
        rates = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
        angles = timestep[:, None].float() * rates[None]
        c = self.time(torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)) + self.label(label)
        x = self.embed(latent).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            x = block(x, c)
        shift, scale = self.modulation(c).chunk(2, dim=1)
        x = self.last(self.norm(x) * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1))
        n, p = self.side // self.patch, self.patch
        x = torch.einsum("nhwpqc->nchpwq", x.reshape(x.shape[0], n, n, p, p, 2 * self.channels))
        return x.reshape(x.shape[0], 2 * self.channels, n * p, n * p)


def diffusion_transformer(size):
    d, heads, layers, side = (384, 6, 12, 32) if size == "full" else (24, 3, 2, 8)
    module = initialize(DiffusionTransformer(d, heads, layers, 4, side, 2, 1000 if size == "full" else 10, 256 if size == "full" else 16), 0.04 if size == "full" else 0.2)
    inputs = {"latent": torch.randn(1, 4, side, side), "timestep": torch.tensor([437.0]), "label": torch.tensor([7])}
    return module, inputs, ["noise"], {name: {0: "batch"} for name in (*inputs, "noise")}


ARCHITECTURES = {f.__name__: f for f in (
    bert, gpt2, llama, t5_encoder, t5_decoder, vit, whisper_encoder, whisper_decoder, diffusion_transformer)}
