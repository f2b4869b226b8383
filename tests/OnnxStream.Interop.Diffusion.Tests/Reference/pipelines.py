"""Small random models of the architectures that the pipeline draws with, and what PyTorch draws with them.

Writes pipelines/MODEL/model.onnx and pipelines/CASE.npy (the sample after every step, [steps, 4, h, w]) beside this file. Needs
PyTorch, onnx and numpy. The loops are written from the papers and from what diffusers' pipelines do; nothing of the library is used.
Noise is that of torch's generator for processors, texts are read with the tokenizer of the demo model's training."""
import os
import sys
import warnings

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "OnnxStream.Interop.Tests", "Models", "sd15"))
sys.path.insert(0, os.path.join(ROOT, "src", "OnnxStream.Interop.Diffusion", "Models", "tiny-shapes", "training"))
import sd15_modules as M          # noqa: E402
import tokenizer as tiny_tokenizer  # noqa: E402

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
OUT = os.path.join(HERE, "pipelines")
TOKENIZER = tiny_tokenizer.Tokenizer()
VOCABULARY, CONTEXT, EOS = 602, 16, 601
WIDTH, WIDTH2, POOLED = 16, 12, 12
SCALE = 0.18215
H, W = 8, 12          # latents; pixels are twice as many


# ------------------------------------------------------------------ models
class Text(M.TextEncoder):
    """with what its layers give, and a pooled output at the end token"""

    def __init__(self, d, projected):
        super().__init__(d=d, heads=2, layers=3, mlp=2 * d, vocab=VOCABULARY, ctx=CONTEXT)
        self.text_projection = nn.Linear(d, POOLED, bias=False) if projected else None

    def forward(self, input_ids):
        x = self.token_embedding(input_ids) + self.position_embedding(self.position_ids)
        layers = [x]
        for layer in self.layers:
            x = layer(x, self.causal_mask)
            layers.append(x)
        last = self.final_layer_norm(x)
        pooled = last[torch.arange(last.shape[0]), input_ids.to(torch.int).argmax(dim=-1)]
        if self.text_projection is not None:
            return (self.text_projection(pooled), last, *layers)
        return (last, pooled, *layers)


def sinusoid(t, width, shift=0):
    half = width // 2
    f = torch.exp(-np.log(10000) * torch.arange(half, dtype=torch.float32) / (half - shift))
    e = t[:, None].float() * f[None]
    return torch.cat([torch.cos(e), torch.sin(e)], dim=-1)


class Unet(M.UNet):
    def __init__(self, cin=4, ctx=WIDTH, xl=False, lcm=False, residuals=False):
        super().__init__(ch=(8, 8), heads=2, ctx=ctx, cin=cin, groups=4, n=1)
        self.conv_out = nn.Conv2d(8, 4, 3, padding=1)
        self.xl, self.lcm, self.residuals = xl, lcm, residuals
        if xl:
            self.add_1, self.add_2 = nn.Linear(POOLED + 6 * 8, 32), nn.Linear(32, 32)
        if lcm:
            self.cond_proj = nn.Linear(256, 8, bias=False)

    def forward(self, sample, timestep, encoder_hidden_states, *more):
        more = list(more)
        e = sinusoid(timestep.expand(1), self.c0)
        if self.lcm:
            e = e + self.cond_proj(more.pop(0))
        temb = self.time_2(F.silu(self.time_1(e)))
        if self.xl:
            text, ids = more.pop(0), more.pop(0)
            b = ids.shape[0]
            added = torch.cat([text, sinusoid(ids.reshape(-1), 8).reshape(b, -1)], dim=-1)
            temb = temb + self.add_2(F.silu(self.add_1(added)))
        x = self.conv_in(sample)
        skips, ctx = [x], encoder_hidden_states
        for block in self.down_blocks:
            x = block(x, temb, ctx, skips, False)
        x = self.mid_res2(self.mid_attn(self.mid_res1(x, temb), ctx), temb)
        if self.residuals:
            skips = [s + r for s, r in zip(skips, more)]
            x = x + more[len(skips)]
        for block in self.up_blocks:
            x = block(x, temb, ctx, skips, True)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Control(nn.Module):
    """A picture in pixels to a residual for each of four skips and the middle"""

    def __init__(self):
        super().__init__()
        self.c0 = 8
        self.picture = nn.Conv2d(3, 8, 4, stride=2, padding=1)
        self.latents = nn.Conv2d(4, 8, 3, padding=1)
        self.text, self.time = nn.Linear(WIDTH, 8), nn.Linear(8, 8)
        self.outs = nn.ModuleList([nn.Conv2d(8, 8, 1) for _ in range(2)] + [nn.Conv2d(8, 8, 2, stride=2) for _ in range(3)])

    def forward(self, sample, timestep, encoder_hidden_states, controlnet_cond):
        x = self.latents(sample) + self.picture(controlnet_cond)
        x = x + (self.text(encoder_hidden_states.mean(dim=1)) + self.time(sinusoid(timestep.expand(1), 8)))[:, :, None, None]
        x = F.silu(x)
        return tuple(out(x) for out in self.outs)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in, self.conv_out = nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, z):
        return torch.tanh(self.conv_out(F.interpolate(F.silu(self.conv_in(z)), scale_factor=2.0, mode="nearest")))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in, self.conv_out = nn.Conv2d(3, 8, 4, stride=2, padding=1), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        return self.conv_out(F.silu(self.conv_in(x)))


def export(name, model, arguments, inputs, outputs, axes):
    folder = os.path.join(OUT, name)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    torch.onnx.export(model, arguments, path, input_names=inputs, output_names=outputs, opset_version=14, dynamic_axes=axes)
    onnx.checker.check_model(path)
    file = onnx.load(path)
    shorten_names(file.graph, {*inputs, *outputs})
    onnx.save(file, path)


def shorten_names(graph, keep):
    """Long names would be most of such small files."""
    short = {}

    def name(old):
        if old and old not in keep and old not in short:
            short[old] = f"v{len(short)}"
        return short.get(old, old)
    for node in graph.node:
        node.ClearField("name")
        node.input[:], node.output[:] = [name(x) for x in node.input], [name(x) for x in node.output]
    for tensor in graph.initializer:
        tensor.name = name(tensor.name)
    graph.ClearField("value_info")


def build():
    g = torch.Generator().manual_seed(5)
    rand = lambda *s: torch.randn(*s, generator=g)
    models = {
        "text_encoder": Text(WIDTH, False), "text_encoder_2": Text(WIDTH2, True), "unet": Unet(), "unet_xl": Unet(ctx=WIDTH + WIDTH2, xl=True), "unet_lcm": Unet(lcm=True),
        "unet_inpaint": Unet(cin=9), "unet_control": Unet(residuals=True), "controlnet": Control(), "vae_decoder": Decoder(), "vae_encoder": Encoder(),
    }
    for seed, m in enumerate(models.values()):
        M.random_init(m, 40 + seed)
    # A residual of every size would drown what the UNET computes itself.
    with torch.no_grad():
        for out in models["controlnet"].outs:
            out.weight.mul_(0.3)
    hidden = [f"hidden_states.{i}" for i in range(4)]
    ids = torch.randint(0, 600, (2, CONTEXT), generator=g)
    ids[:, 5:] = EOS
    for name, first in (("text_encoder", ["last_hidden_state", "pooler_output"]), ("text_encoder_2", ["text_embeds", "last_hidden_state"])):
        export(name, models[name], (ids,), ["input_ids"], first + hidden, {n: {0: "batch"} for n in ["input_ids", *first, *hidden]})
    image = {0: "batch", 2: "height", 3: "width"}
    for name in (n for n in models if n.startswith("unet")):
        u = models[name]
        # The plain one takes any size and length; one condition after the other, or both at once.
        batch = 1 if name in ("unet", "unet_lcm") else 2
        c, ctx = u.conv_in.in_channels, (WIDTH + WIDTH2 if u.xl else WIDTH)
        arguments, inputs = [rand(2, c, H, W), torch.tensor([500.0]), rand(2, CONTEXT, ctx)], ["sample", "timestep", "encoder_hidden_states"]
        axes = {"sample": image, "encoder_hidden_states": {0: "batch", 1: "ids"}, "out_sample": image}
        if u.lcm:
            arguments, inputs = arguments + [rand(2, 256)], inputs + ["timestep_cond"]
            axes["timestep_cond"] = {0: "batch"}
        if u.xl:
            arguments, inputs = arguments + [rand(2, POOLED), rand(2, 6)], inputs + ["text_embeds", "time_ids"]
            axes.update({"text_embeds": {0: "batch"}, "time_ids": {0: "batch"}})
        if u.residuals:
            shapes = [(2, 8, H, W), (2, 8, H, W), (2, 8, H // 2, W // 2), (2, 8, H // 2, W // 2), (2, 8, H // 2, W // 2)]
            names = [f"down_block_additional_residual_{i}" for i in range(4)] + ["mid_block_additional_residual"]
            arguments, inputs = arguments + [rand(*s) for s in shapes], inputs + names
            axes.update({n: image for n in names})
        if batch == 1:
            arguments = [a[:1] for a in arguments]
            axes = {n: {k: v for k, v in a.items() if k} for n, a in axes.items()}
        if name != "unet":
            axes = {}
        export(name, u, tuple(arguments), inputs, ["out_sample"], axes)
    export("controlnet", models["controlnet"], (rand(1, 4, H, W), torch.tensor([500.0]), rand(1, CONTEXT, WIDTH), rand(1, 3, 2 * H, 2 * W)),
           ["sample", "timestep", "encoder_hidden_states", "controlnet_cond"], [f"down_block_res_{i}" for i in range(4)] + ["mid_block_res"],
           {"sample": {2: "height", 3: "width"}, "controlnet_cond": {2: "pixel_height", 3: "pixel_width"}})
    export("vae_decoder", models["vae_decoder"], (rand(1, 4, H, W),), ["latent_sample"], ["sample"], {"latent_sample": {2: "height", 3: "width"}})
    export("vae_encoder", models["vae_encoder"], (rand(1, 3, 2 * H, 2 * W),), ["sample"], ["latent_parameters"], {"sample": {2: "height", 3: "width"}})
    return models


# ------------------------------------------------------------------ loops
BARS = torch.cumprod(1 - torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=torch.float64) ** 2, 0)


def zero_snr(bars):
    roots = bars.sqrt()
    roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    bars = roots ** 2
    bars[-1] = 2.0 ** -24
    return bars


def sigma_of(t, bars=BARS):
    s = ((1 - bars) / bars).sqrt().log().numpy()
    return float(np.exp(np.interp(t, np.arange(1000), s)))


def ids(text):
    return torch.tensor([TOKENIZER.encode(text)])


def picture(seed):
    """A smooth picture of bytes that the tests compute too: [3, 2H, 2W]"""
    y, x, c = np.meshgrid(np.arange(2 * H), np.arange(2 * W), np.arange(3), indexing="ij")
    return ((x * 9 + y * 5 + c * 40 + seed * 31) % 256).astype(np.uint8)


def planes(p, low=-1.0, high=1.0):
    return (torch.from_numpy(p.astype(np.float32)).permute(2, 0, 1)[None] / 255) * (high - low) + low


def guide(cond, uncond, scale, rescale=0.0):
    e = uncond + scale * (cond - uncond)
    if rescale:
        e = rescale * e * (cond.std() / e.std()) + (1 - rescale) * e
    return e


def euler(denoise, x, times, first=0, keep=None):
    """-> the sample after every step"""
    sigmas = [sigma_of(t) for t in times] + [0.0]
    steps = []
    for i in range(first, len(times)):
        D = denoise(x, sigmas[i], times[i], i)
        if keep is not None:
            D = keep(D)
        x = x + (x - D) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
        steps.append(x)
    return steps


def epsilon(unet, x, sigma, t, conds, scale, extra=None, rescale=0.0):
    z = x / (sigma ** 2 + 1) ** 0.5
    if extra is not None:
        z = torch.cat([z, extra], dim=1)
    outs = [unet(z, torch.tensor([float(t)]), *c) for c in conds]
    e = outs[0] if len(outs) == 1 else guide(outs[1], outs[0], scale, rescale)
    return e


def cases(models):
    text, text2, unet = models["text_encoder"], models["text_encoder_2"], models["unet"]
    noise = lambda seed: torch.Generator().manual_seed(seed)
    linear = lambda n: list(np.linspace(999, 0, n))
    states = lambda s: text(ids(s))[0]

    # Euler with guidance
    p, n = states("a red circle"), states("blue")
    g = noise(1)
    x = torch.randn(1, 4, H, W, generator=g) * sigma_of(999)
    yield "sd", euler(lambda x, s, t, i: x - s * epsilon(unet, x, s, t, [(n,), (p,)], 5.0), x, linear(4))

    # velocity, nothing left of the picture at the last step, DDIM in its own variables, guidance rescaled and only in the first half
    bars, g = zero_snr(BARS.clone()), noise(2)
    times = [int(t) for t in np.round(np.arange(1000, 0, -1000 / 4)) - 1]
    z, steps = torch.randn(1, 4, H, W, generator=g).double(), []
    for i, t in enumerate(times):
        a, b = bars[t], bars[times[i + 1]] if i + 1 < len(times) else torch.tensor(1.0, dtype=torch.float64)
        v_c = unet(z.float(), torch.tensor([float(t)]), p)
        v = guide(v_c, unet(z.float(), torch.tensor([float(t)]), n), 4.0, 0.7) if i < 2 else v_c
        x0, e = a.sqrt() * z - (1 - a).sqrt() * v, a.sqrt() * v + (1 - a).sqrt() * z
        z = b.sqrt() * x0 + (1 - b).sqrt() * e
        steps.append((z / b.sqrt()).float())
    yield "velocity", steps

    # weights, two chunks, a change of text after two steps, the last layer but one
    def weighted(parts):
        chunks = []
        for words in parts:
            line = " ".join(w for w, _ in words)
            raw = text(ids(line))
            h = F.layer_norm(raw[2 + 2], (WIDTH,), text.final_layer_norm.weight, text.final_layer_norm.bias, 1e-5)
            k = torch.ones(CONTEXT)
            for i, (_, weight) in enumerate(words):
                k[i + 1] = weight
            new = h * k[None, :, None]
            chunks.append(new * (h.mean() / new.mean()))
        return torch.cat(chunks, dim=1)
    early = weighted([[("red", 1.4), ("circle", 1)], [("square", 1)]])
    late = weighted([[("red", 1.4), ("circle", 1)], [("triangle", 1 / 1.1)]])
    negative = weighted([[("blue", 1)], []])
    g = noise(3)
    x = torch.randn(1, 4, H, W, generator=g) * sigma_of(999)
    yield "prompt", euler(lambda x, s, t, i: x - s * epsilon(unet, x, s, t, [(negative,), (early if i < 2 else late,)], 5.0), x, linear(4))

    # a picture to begin with
    given = models["vae_encoder"](planes(picture(0)))[:, :4] * SCALE
    g, times = noise(4), linear(6)
    x = given + torch.randn(1, 4, H, W, generator=g) * sigma_of(times[3])
    yield "image", euler(lambda x, s, t, i: x - s * epsilon(unet, x, s, t, [(n,), (p,)], 5.0), x, times, 3)

    # a part of it: the left half of the latents
    mask = torch.zeros(1, 1, H, W)
    mask[..., : W // 2] = 1
    g = noise(5)
    x = given + torch.randn(1, 4, H, W, generator=g) * sigma_of(times[2])
    yield "mask", euler(lambda x, s, t, i: x - s * epsilon(unet, x, s, t, [(n,), (p,)], 5.0), x, times, 2, lambda D: mask * D + (1 - mask) * given)

    # a UNET for inpainting
    pixels = planes(picture(0)).clone()
    pixels[..., : W] = 0
    extra = torch.cat([mask, models["vae_encoder"](pixels)[:, :4] * SCALE], dim=1)
    g = noise(6)
    x = torch.randn(1, 4, H, W, generator=g) * sigma_of(999)
    yield "inpaint", euler(lambda x, s, t, i: x - s * epsilon(models["unet_inpaint"], x, s, t, [(n,), (p,)], 5.0, extra), x, linear(4))

    # SDXL: two encoders, their last layers but one, pooled text and sizes; an empty negative prompt is zero
    def xl(s):
        a, b = text(ids(s)), text2(ids(s))
        return torch.cat([a[2 + 2], b[2 + 2]], dim=-1), b[0]
    h, pooled = xl("a red circle")
    size = torch.tensor([[2 * H, 2 * W, 0, 0, 2 * H, 2 * W]], dtype=torch.float32)
    conds = [(torch.zeros_like(h), torch.zeros_like(pooled), size), (h, pooled, size)]
    g = noise(7)
    x = torch.randn(1, 4, H, W, generator=g) * sigma_of(999)
    yield "xl", euler(lambda x, s, t, i: x - s * epsilon(models["unet_xl"], x, s, t, conds, 5.0), x, linear(4))

    # latent consistency: the guidance scale as an embedding, noise in every step but the last
    half = 128
    f = torch.exp(torch.arange(half) * -(np.log(10000) / (half - 1)))
    w = (torch.tensor([8.0]) - 1) * 1000
    embedding = torch.cat([torch.sin(w[:, None] * f), torch.cos(w[:, None] * f)], dim=1)
    origin = (np.arange(1, 51) * 20 - 1)[::-1]
    times = [int(t) for t in origin[np.floor(np.linspace(0, 50, 4, endpoint=False)).astype(int)]]
    g, steps = noise(8), []
    z = torch.randn(1, 4, H, W, generator=g)
    for i, t in enumerate(times):
        a = BARS[t].float()
        e = models["unet_lcm"](z, torch.tensor([float(t)]), p, embedding)
        x0, k = (z - (1 - a).sqrt() * e) / a.sqrt(), t * 10.0
        D = k / (k * k + 0.25) ** 0.5 * x0 + 0.25 / (k * k + 0.25) * z
        if i + 1 < len(times):
            b = BARS[times[i + 1]].float()
            z = b.sqrt() * D + (1 - b).sqrt() * torch.randn(1, 4, H, W, generator=g)
            steps.append(z / b.sqrt())
        else:
            steps.append(D)
    yield "lcm", steps

    # ControlNet
    control = planes(picture(1), 0.0, 1.0)

    def controlled(x, s, t, i):
        z = x / (s * s + 1) ** 0.5
        conds = []
        for c in (n, p):
            residuals = models["controlnet"](z, torch.tensor([float(t)]), c, control)
            conds.append((c, *(0.8 * r for r in residuals)))
        return x - s * epsilon(models["unet_control"], x, s, t, conds, 5.0)
    g = noise(9)
    x = torch.randn(1, 4, H, W, generator=g) * sigma_of(999)
    yield "control", euler(controlled, x, linear(4))


if __name__ == "__main__":
    models = build()
    with torch.no_grad():
        for name, steps in cases(models):
            array = torch.cat(steps).numpy().astype(np.float32)
            np.save(os.path.join(OUT, f"{name}.npy"), array)
            print(name, array.shape, float(np.abs(array).max()))
