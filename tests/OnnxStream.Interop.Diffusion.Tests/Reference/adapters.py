"""Small random networks with the modules of Stable Diffusion, and what PyTorch computes with LoRAs, checkpoints and taught words.

Writes adapters/: unet.onnx and text_encoder.onnx with the names that PyTorch's exporter gives, .safetensors files under the names of
several trainers, and for each case the outputs (.npy). Needs PyTorch, onnx and numpy. Deltas are computed here as whole matrices, from
the definitions of LoRA, LoHa (with Hadamard products) and LoKr (with Kronecker products), and added to the modules before they run."""
import json
import os
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "adapters")
D, CTX, VOCABULARY, LENGTH = 16, 16, 602, 16


# ------------------------------------------------------------------ networks
class Attention(nn.Module):
    def __init__(self, d, context):
        super().__init__()
        self.to_q, self.to_k, self.to_v = nn.Linear(d, d, bias=False), nn.Linear(context, d, bias=False), nn.Linear(context, d, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(d, d), nn.Identity()])

    def forward(self, x, context):
        q, k, v = (t.view(t.shape[0], -1, 2, D // 2).transpose(1, 2) for t in (self.to_q(x), self.to_k(context), self.to_v(context)))
        y = F.softmax(q @ k.transpose(2, 3) / (D // 2) ** 0.5, dim=-1) @ v
        return self.to_out[0](y.transpose(1, 2).reshape(x.shape))


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(D, 4 * D)

    def forward(self, x):
        x, gate = self.proj(x).chunk(2, dim=-1)
        return x * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.ModuleList([Gated(), nn.Identity(), nn.Linear(2 * D, D)])

    def forward(self, x):
        return self.net[2](self.net[0](x))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(D), nn.LayerNorm(D), nn.LayerNorm(D)
        self.attn1, self.attn2, self.ff = Attention(D, D), Attention(D, CTX), FeedForward()

    def forward(self, x, context):
        n = self.norm1(x)
        x = x + self.attn1(n, n)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.proj_in = nn.GroupNorm(4, D), nn.Conv2d(D, D, 1)
        self.transformer_blocks = nn.ModuleList([Block()])
        self.proj_out = nn.Conv2d(D, D, 1)

    def forward(self, x, context):
        b, c, h, w = x.shape
        y = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).reshape(b, h * w, c)
        y = self.transformer_blocks[0](y, context)
        return x + self.proj_out(y.reshape(b, h, w, c).permute(0, 3, 1, 2))


class Residual(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(4, cin), nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(32, cout)
        self.norm2, self.conv2 = nn.GroupNorm(4, cout), nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else None

    def forward(self, x, t):
        y = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(F.silu(t))[:, :, None, None]
        y = self.conv2(F.silu(self.norm2(y)))
        return y + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Resample(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride, self.conv = stride, nn.Conv2d(D, D, 3, padding=1, stride=stride)

    def forward(self, x):
        return self.conv(x if self.stride == 2 else F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Level(nn.Module):
    def __init__(self, widths, name):
        super().__init__()
        self.resnets = nn.ModuleList([Residual(cin, D) for cin in widths])
        self.attentions = nn.ModuleList([Transformer() for _ in widths])
        self.is_up = name == "upsamplers"
        setattr(self, name, nn.ModuleList([Resample(1 if self.is_up else 2)]))

    # nodes get the names of modules whose forward is called
    def forward(self, x, t, context, skips):
        if self.is_up:
            x = self.upsamplers[0](x)
        for residual, attention in zip(self.resnets, self.attentions):
            x = attention(residual(torch.cat([x, skips.pop()], dim=1) if self.is_up else x, t), context)
            if not self.is_up:
                skips.append(x)
        return x if self.is_up else self.downsamplers[0](x)


class Time(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(D, 32), nn.Linear(32, 32)

    def forward(self, e):
        return self.linear_2(F.silu(self.linear_1(e)))


class Middle(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnets, self.attentions = nn.ModuleList([Residual(D, D), Residual(D, D)]), nn.ModuleList([Transformer()])

    def forward(self, x, t, context):
        return self.resnets[1](self.attentions[0](self.resnets[0](x, t), context), t)


class Unet(nn.Module):
    """One level down and up, with the modules and names of UNet2DConditionModel"""

    def __init__(self):
        super().__init__()
        self.conv_in, self.time_embedding = nn.Conv2d(4, D, 3, padding=1), Time()
        self.down_blocks, self.mid_block = nn.ModuleList([Level([D, D], "downsamplers")]), Middle()
        self.up_blocks = nn.ModuleList([Level([2 * D, 2 * D, 2 * D], "upsamplers")])
        self.conv_norm_out, self.conv_out = nn.GroupNorm(4, D), nn.Conv2d(D, 4, 3, padding=1)

    def forward(self, sample, timestep, encoder_hidden_states):
        half = D // 2
        f = torch.exp(-np.log(10000) * torch.arange(half, dtype=torch.float32) / half)
        e = timestep.float().expand(1)[:, None] * f[None]
        t = self.time_embedding(torch.cat([torch.cos(e), torch.sin(e)], dim=-1))
        x = self.conv_in(sample)
        skips = [x]
        x = self.mid_block(self.down_blocks[0](x, t, encoder_hidden_states, skips), t, encoder_hidden_states)
        x = self.up_blocks[0](x, t, encoder_hidden_states, skips)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class ClipAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(D, D) for _ in range(4))

    def forward(self, x, mask):
        q, k, v = (p(x).view(x.shape[0], -1, 2, D // 2).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        y = F.softmax(q @ k.transpose(2, 3) / (D // 2) ** 0.5 + mask, dim=-1) @ v
        return self.out_proj(y.transpose(1, 2).reshape(x.shape))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(D, 2 * D), nn.Linear(2 * D, D)

    def forward(self, x):
        y = self.fc1(x)
        return self.fc2(y * torch.sigmoid(1.702 * y))


class ClipLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn, self.mlp = ClipAttention(), Mlp()
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(D), nn.LayerNorm(D)

    def forward(self, x, mask):
        x = x + self.self_attn(self.layer_norm1(x), mask)
        return x + self.mlp(self.layer_norm2(x))


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embedding, self.position_embedding = nn.Embedding(VOCABULARY, D), nn.Embedding(LENGTH, D)
        self.register_buffer("position_ids", torch.arange(LENGTH)[None])

    def forward(self, ids):
        return self.token_embedding(ids) + self.position_embedding(self.position_ids)


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([ClipLayer(), ClipLayer()])

    def forward(self, x, mask):
        for layer in self.layers:
            x = layer(x, mask)
        return x


class TextModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings, self.encoder, self.final_layer_norm = Embeddings(), Layers(), nn.LayerNorm(D)
        self.register_buffer("mask", torch.full((LENGTH, LENGTH), -1e4).triu(1), persistent=False)

    def forward(self, ids):
        return self.final_layer_norm(self.encoder(self.embeddings(ids), self.mask))


class TextEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.text_model = TextModel()

    def forward(self, input_ids):
        return self.text_model(input_ids)


# ------------------------------------------------------------------ files
TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64"}


def save(name, tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for key, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        raw = (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()
        header[key] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path = os.path.join(OUT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def random(generator, *shape, dtype=torch.float32, size=0.3):
    return (torch.randn(*shape, generator=generator) * size).to(dtype)


def modules(network, kinds=(nn.Linear, nn.Conv2d)):
    return [(name, module) for name, module in network.named_modules() if isinstance(module, kinds)]


def kohya(prefix, name):
    return prefix + name.replace(".", "_")


def legacy(name):
    """UNet2DConditionModel's names as the first checkpoints have them"""
    parts = name.split(".")
    residual = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
    if parts[0] == "down_blocks":
        level, kind, number, rest = int(parts[1]), parts[2], int(parts[3]), parts[4:]
        block = 1 + 3 * level + number
        if kind == "downsamplers":
            return f"input_blocks.{1 + 3 * level + 2}.0.op"
        return f"input_blocks.{block}.1." + ".".join(rest) if kind == "attentions" else f"input_blocks.{block}.0.{residual[rest[0]]}"
    if parts[0] == "up_blocks":
        level, kind, number, rest = int(parts[1]), parts[2], int(parts[3]), parts[4:]
        if kind == "upsamplers":
            return f"output_blocks.{3 * level + 2}.2.conv"
        return f"output_blocks.{3 * level + number}.1." + ".".join(rest) if kind == "attentions" else f"output_blocks.{3 * level + number}.0.{residual[rest[0]]}"
    if parts[0] == "mid_block":
        kind, number, rest = parts[1], int(parts[2]), parts[3:]
        return "middle_block.1." + ".".join(rest) if kind == "attentions" else f"middle_block.{2 * number}.{residual[rest[0]]}"
    return {"conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "conv_norm_out": "out.0", "conv_out": "out.2"}[name]


# ------------------------------------------------------------------ adapters
def lora(generator, network, rank, alpha, dtype, choose=lambda i: True):
    """module -> (up, down, alpha, delta)"""
    result = {}
    for i, (name, module) in enumerate(modules(network)):
        if not choose(i):
            continue
        w = module.weight
        down = random(generator, rank, *w.shape[1:], dtype=dtype)
        up = random(generator, w.shape[0], rank, *([1] * (w.dim() - 2)), dtype=dtype)
        scale = 1 if alpha is None else alpha / rank
        result[name] = (up, down, scale * (up.float().flatten(1) @ down.float().flatten(1)).reshape(w.shape))
    return result


def add(network, *terms):
    state = {name: value.clone() for name, value in network.state_dict().items()}
    for weight, deltas in terms:
        for name, delta in deltas.items():
            state[name + ".weight"] += weight * delta
    copy = type(network)()
    copy.load_state_dict(state)
    return copy.eval()


def networks(seed):
    """Norms and biases are random as well: the exporter would make one weight of those that are alike"""
    torch.manual_seed(seed)
    made = Unet().eval(), TextEncoder().eval()
    for network in made:
        for name, parameter in network.named_parameters():
            if "norm" in name:
                nn.init.uniform_(parameter, 0.5, 1.5)
    return made


def build():
    os.makedirs(OUT, exist_ok=True)
    unet, text = networks(1)
    g = torch.Generator().manual_seed(2)
    sample, timestep, states = random(g, 1, 4, 8, 8, size=1), torch.tensor([321]), random(g, 1, LENGTH, CTX, size=1)
    ids = torch.tensor([[600, 5, 17, 99, 300, 601] + [601] * 10])
    run_unet = lambda network: network(sample, timestep, states)
    outputs = {"unet": run_unet(unet), "text_encoder": text(ids)}
    np.save(os.path.join(OUT, "sample.npy"), sample.numpy())
    np.save(os.path.join(OUT, "encoder_hidden_states.npy"), states.numpy())
    torch.onnx.export(unet, (sample, timestep, states), os.path.join(OUT, "unet.onnx"), opset_version=14,
                      input_names=["sample", "timestep", "encoder_hidden_states"], output_names=["out_sample"])
    torch.onnx.export(text, (ids,), os.path.join(OUT, "text_encoder.onnx"), opset_version=14, input_names=["input_ids"], output_names=["last_hidden_state"])

    # kohya's trainer: both networks, half precision, under diffusers' names and under the first ones
    a, at = lora(g, unet, 4, 2.0, torch.float16), lora(g, text, 2, 1.0, torch.float16)
    names = {"kohya": lambda n: n, "legacy": legacy}
    for file, rename in names.items():
        tensors = {}
        for prefix, deltas, change, alpha in (("lora_unet_", a, rename, 2.0), ("lora_te_", at, lambda n: n, 1.0)):
            for name, (up, down, _) in deltas.items():
                key = kohya(prefix, change(name))
                tensors.update({key + ".lora_up.weight": up, key + ".lora_down.weight": down, key + ".alpha": torch.tensor(alpha, dtype=torch.float16)})
        save(file + ".safetensors", tensors)
    da, dat = {n: d for n, (_, _, d) in a.items()}, {n: d for n, (_, _, d) in at.items()}
    outputs["kohya_unet"], outputs["kohya_text_encoder"] = run_unet(add(unet, (1, da))), add(text, (0.8, dat))(ids)

    # diffusers and PEFT: some modules, single precision, no alpha
    b = lora(g, unet, 3, None, torch.float32, lambda i: i % 3 == 0)
    tensors = {}
    for name, (up, down, _) in b.items():
        tensors.update({f"unet.{name}.lora_A.weight": down, f"unet.{name}.lora_B.weight": up})
    save("peft.safetensors", tensors)
    db = {n: d for n, (_, _, d) in b.items()}
    outputs["both_unet"] = run_unet(add(unet, (0.8, da), (-0.5, db)))

    # LyCORIS
    tensors, deltas = {}, {}
    for i, (name, module) in enumerate(modules(unet)):
        w, key = module.weight, kohya("lora_unet_", name)
        rows, columns = w.shape[0], w.flatten(1).shape[1]
        if i % 4 == 0:
            p = [random(g, *s, dtype=torch.bfloat16) for s in ((rows, 3), (3, columns), (rows, 3), (3, columns))]
            tensors.update({f"{key}.hada_w1_a": p[0], f"{key}.hada_w1_b": p[1], f"{key}.hada_w2_a": p[2], f"{key}.hada_w2_b": p[3], key + ".alpha": torch.tensor(1.5)})
            f = [t.float() for t in p]
            deltas[name] = 0.5 * ((f[0] @ f[1]) * (f[2] @ f[3])).reshape(w.shape)
        elif i % 4 == 1:
            one, two = random(g, 2, 2), random(g, rows // 2, w.shape[1] // 2, *w.shape[2:])
            tensors.update({f"{key}.lokr_w1": one, f"{key}.lokr_w2": two, key + ".alpha": torch.tensor(1.0)})
            deltas[name] = torch.stack([torch.kron(one, two.reshape(rows // 2, w.shape[1] // 2, -1)[:, :, k]) for k in range(w[0, 0].numel())], dim=-1).reshape(w.shape)
        elif i % 4 == 2 and w.dim() == 2:
            one, up, down = random(g, 2, 2), random(g, rows // 2, 2), random(g, 2, columns // 2)
            tensors.update({f"{key}.lokr_w1": one, f"{key}.lokr_w2_a": up, f"{key}.lokr_w2_b": down, key + ".alpha": torch.tensor(1.0)})
            deltas[name] = 0.5 * torch.kron(one, up @ down)
        elif i % 4 == 2 and w.dim() == 4:
            down, mid, up = random(g, 2, w.shape[1], 1, 1), random(g, 2, 2, *w.shape[2:]), random(g, rows, 2, 1, 1)
            tensors.update({f"{key}.lora_down.weight": down, f"{key}.lora_mid.weight": mid, f"{key}.lora_up.weight": up, key + ".alpha": torch.tensor(2.0)})
            deltas[name] = torch.einsum("op,pqyx,qi->oiyx", up[:, :, 0, 0], mid, down[:, :, 0, 0])
        elif i % 8 == 3:
            deltas[name] = random(g, *w.shape, size=0.1)
            tensors[f"{key}.diff"] = deltas[name]
    save("lycoris.safetensors", tensors)
    outputs["lycoris_unet"] = run_unet(add(unet, (0.7, deltas)))

    # LoRA of a wider network, and of one with other modules
    save("wider.safetensors", {"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_up.weight": random(g, 320, 2),
                               "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight": random(g, 2, 320)})
    save("deeper.safetensors", {"unet.down_blocks.3.resnets.0.conv1.lora_B.weight": random(g, D, 2, 1, 1), "unet.down_blocks.3.resnets.0.conv1.lora_A.weight": random(g, 2, D, 3, 3)})
    save("xl.safetensors", {"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": random(g, 2 * D, 2), "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": random(g, 2, D)})

    # other weights for the same networks
    unet2, text2 = networks(3)
    state = unet2.state_dict()
    save("checkpoint/unet/diffusion_pytorch_model.safetensors", state)
    texts = {name: value.half() if value.is_floating_point() else value for name, value in text2.state_dict().items()}
    save("checkpoint/text_encoder/model.safetensors", texts)
    single = {"model.diffusion_model." + legacy(name.rsplit(".", 1)[0]) + "." + name.rsplit(".", 1)[1]: value.bfloat16() for name, value in state.items()}
    single.update({"cond_stage_model.transformer." + name: value for name, value in texts.items()})
    single.update({"model_ema.decay": torch.tensor(0.5), "betas": torch.zeros(10)})
    save("single.safetensors", single)
    text2.load_state_dict({name: value.float() if value.is_floating_point() else value for name, value in texts.items()})
    outputs["checkpoint_unet"], outputs["checkpoint_text_encoder"] = run_unet(unet2), text2(ids)
    outputs["checkpoint_kohya_unet"] = run_unet(add(unet2, (1, da)))
    unet2.load_state_dict({name: value.bfloat16().float() for name, value in state.items()})
    outputs["single_unet"] = run_unet(unet2)

    # a word of three vectors, and one of one
    one, two = random(g, 3, D, dtype=torch.float16), random(g, D)
    save("word.safetensors", {"emb_params": one})
    save("concept.safetensors", {"<concept>": two})
    save("pair.safetensors", {"clip_l": random(g, 2, D), "clip_g": random(g, 2, 12)})
    taught = TextEncoder().eval()
    state = {name: value.clone() for name, value in text.state_dict().items()}
    taught.text_model.embeddings.token_embedding = nn.Embedding(VOCABULARY + 4, D)
    state["text_model.embeddings.token_embedding.weight"] = torch.cat([state["text_model.embeddings.token_embedding.weight"], one.float(), two[None]])
    taught.load_state_dict(state)
    words = ids.clone()
    words[0, 1:5] = torch.tensor([602, 603, 604, 605])
    outputs["words_text_encoder"] = taught(words)

    for name, value in outputs.items():
        np.save(os.path.join(OUT, name + ".npy"), value.detach().numpy())


if __name__ == "__main__":
    with torch.no_grad():
        build()
