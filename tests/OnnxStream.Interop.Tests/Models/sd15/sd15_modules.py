"""Random-weight re-creations of the three Stable Diffusion 1.5 networks (shapes and module
structure only; nothing is downloaded).  Written from the published architecture descriptions.

 * TextEncoder    CLIP ViT-L/14 text tower: 12 layers, width 768, 12 heads, MLP 3072, quick-GELU
 * UNet           UNet2DConditionModel, channels 320/640/1280/1280, 8 heads, cross dim 768, GEGLU
 * VaeDecoder     AutoencoderKL post_quant_conv + decoder, channels 128/256/512/512

The size "full" means the real thing, "tiny" the same topology with widths of a few channels.

The spelling "original" gives the graphs whose operator counts are published; "diffusers" writes the
same layers as that library does: GEGLU by chunk, scores divided by the root of the depth, and the
attention of the VAE made of Linear layers on tokens.
"""
import math
import torch
from torch import nn
import torch.nn.functional as F


# ----------------------------------------------------------------------------- text encoder
class ClipAttention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.hd, self.scale = heads, d // heads, (d // heads) ** -0.5
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(d, d) for _ in range(4))

    def forward(self, x, mask):
        b, t, d = x.shape
        q = self.q_proj(x) * self.scale
        k = self.k_proj(x).view(b, -1, self.heads, self.hd).transpose(1, 2)
        v = self.v_proj(x).view(b, -1, self.heads, self.hd).transpose(1, 2)
        q = q.view(b, t, self.heads, self.hd).transpose(1, 2)
        q = q.reshape(b * self.heads, -1, self.hd)
        k = k.reshape(b * self.heads, -1, self.hd)
        v = v.reshape(b * self.heads, -1, self.hd)
        w = torch.bmm(q, k.transpose(1, 2))
        w = w.view(b, self.heads, t, t) + mask
        w = w.view(b * self.heads, t, t)
        w = F.softmax(w, dim=-1)
        o = torch.bmm(w, v)
        o = o.view(b, self.heads, t, self.hd).transpose(1, 2).reshape(b, t, d)
        return self.out_proj(o)


class ClipLayer(nn.Module):
    def __init__(self, d, heads, mlp):
        super().__init__()
        self.self_attn = ClipAttention(d, heads)
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.fc1, self.fc2 = nn.Linear(d, mlp), nn.Linear(mlp, d)

    def forward(self, x, mask):
        x = x + self.self_attn(self.layer_norm1(x), mask)
        h = self.fc1(self.layer_norm2(x))
        h = h * torch.sigmoid(1.702 * h)           # quick-GELU
        return x + self.fc2(h)


class TextEncoder(nn.Module):
    def __init__(self, d=768, heads=12, layers=12, mlp=3072, vocab=49408, ctx=77):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab, d)
        self.position_embedding = nn.Embedding(ctx, d)
        self.register_buffer("position_ids", torch.arange(ctx)[None], persistent=False)
        m = torch.full((1, 1, ctx, ctx), torch.finfo(torch.float32).min).triu(1)
        self.register_buffer("causal_mask", m, persistent=False)
        self.layers = nn.ModuleList([ClipLayer(d, heads, mlp) for _ in range(layers)])
        self.final_layer_norm = nn.LayerNorm(d)

    def forward(self, input_ids):                   # int64 [1,77] -> float [1,77,768]
        t = input_ids.shape[-1]
        ids = input_ids.view(-1, t)
        x = self.token_embedding(ids) + self.position_embedding(self.position_ids[:, :t])
        mask = self.causal_mask[:, :, :t, :t]       # nothing is left of the slices when t is fixed
        for l in self.layers:
            x = l(x, mask)
        return self.final_layer_norm(x)


# ----------------------------------------------------------------------------- UNet
class ResnetBlock(nn.Module):
    def __init__(self, cin, cout, temb=None, groups=32, eps=1e-5):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, cin, eps=eps)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(temb, cout) if temb else None
        self.norm2 = nn.GroupNorm(groups, cout, eps=eps)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else None

    def forward(self, x, temb=None):
        h = self.conv1(F.silu(self.norm1(x)))
        if self.time_emb_proj is not None:
            h = h + self.time_emb_proj(F.silu(temb))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        if self.conv_shortcut is not None:
            x = self.conv_shortcut(x)
        return (x + h) / 1.0                        # output_scale_factor, removed by the cleaner


class CrossAttention(nn.Module):
    def __init__(self, d, heads, ctx_dim=None, spelling="original"):
        super().__init__()
        ctx_dim = ctx_dim or d
        self.heads, self.scale, self.spelling = heads, (d // heads) ** -0.5, spelling
        self.to_q = nn.Linear(d, d, bias=False)
        self.to_k = nn.Linear(ctx_dim, d, bias=False)
        self.to_v = nn.Linear(ctx_dim, d, bias=False)
        self.to_out = nn.Linear(d, d)

    def split(self, x):
        b, t, d = x.shape
        x = x.reshape(b, t, self.heads, d // self.heads)
        return x.permute(0, 2, 1, 3).reshape(b * self.heads, t, d // self.heads)

    def forward(self, x, ctx=None):
        b, t, d = x.shape
        ctx = x if ctx is None else ctx
        q, k, v = self.split(self.to_q(x)), self.split(self.to_k(ctx)), self.split(self.to_v(ctx))
        w = torch.matmul(q, k.transpose(-1, -2))
        w = w * self.scale if self.spelling == "original" else w / math.sqrt(d // self.heads)
        o = torch.matmul(w.softmax(dim=-1), v)
        o = o.reshape(b, self.heads, t, d // self.heads).permute(0, 2, 1, 3).reshape(b, t, d)
        return self.to_out(o)


class GEGLU(nn.Module):
    def __init__(self, d, inner, spelling="original"):
        super().__init__()
        self.proj, self.inner, self.spelling = nn.Linear(d, inner * 2), inner, spelling

    def forward(self, x):
        p = self.proj(x)
        if self.spelling == "original":
            x, gate = torch.split(p, self.inner, dim=-1)     # exports as one Split
        else:
            x, gate = p.chunk(2, dim=-1)                     # exports as two Slices
        return x * F.gelu(gate)


class TransformerBlock(nn.Module):
    def __init__(self, d, heads, ctx_dim, spelling="original"):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(d) for _ in range(3))
        self.attn1 = CrossAttention(d, heads, None, spelling)
        self.attn2 = CrossAttention(d, heads, ctx_dim, spelling)
        self.ff_in, self.ff_out = GEGLU(d, d * 4, spelling), nn.Linear(d * 4, d)

    def forward(self, x, ctx):
        x = self.attn1(self.norm1(x)) + x
        x = self.attn2(self.norm2(x), ctx) + x
        return self.ff_out(self.ff_in(self.norm3(x))) + x


class Transformer2D(nn.Module):
    def __init__(self, c, heads, ctx_dim, groups=32, spelling="original"):
        super().__init__()
        self.norm = nn.GroupNorm(groups, c, eps=1e-6)
        self.proj_in, self.proj_out = nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(c, heads, ctx_dim, spelling)])

    def forward(self, x, ctx):
        b, c, h, w = x.shape
        r = x
        x = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).reshape(b, h * w, c)
        for t in self.transformer_blocks:
            x = t(x, ctx)
        x = x.reshape(b, h, w, c).permute(0, 3, 1, 2)
        return self.proj_out(x) + r


class Downsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x)


class Upsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class UNetBlock(nn.Module):
    def __init__(self, chans, cout, temb, heads, ctx, attn, down=False, up=False, groups=32, spelling="original"):
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(ci, cout, temb, groups) for ci in chans])
        self.attentions = nn.ModuleList(
            [Transformer2D(cout, heads, ctx, groups, spelling) for _ in chans]) if attn else None
        self.downsampler = Downsample(cout) if down else None
        self.upsampler = Upsample(cout) if up else None

    def forward(self, x, temb, ctx, skips, is_up):
        for i, r in enumerate(self.resnets):
            if is_up:
                x = torch.cat([x, skips.pop()], dim=1)
            x = r(x, temb)
            if self.attentions is not None:
                x = self.attentions[i](x, ctx)
            if not is_up:
                skips.append(x)
        if self.downsampler is not None:
            x = self.downsampler(x)
            skips.append(x)
        if self.upsampler is not None:
            x = self.upsampler(x)
        return x


class UNet(nn.Module):
    def __init__(self, ch=(320, 640, 1280, 1280), heads=8, ctx=768, cin=4, groups=32, n=2, spelling="original"):
        super().__init__()
        t = ch[0] * 4
        self.c0 = ch[0]
        self.time_1, self.time_2 = nn.Linear(ch[0], t), nn.Linear(t, t)
        self.conv_in = nn.Conv2d(cin, ch[0], 3, padding=1)
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        skips, prev = [ch[0]], ch[0]
        for i, c in enumerate(ch):
            last = i == len(ch) - 1
            self.down_blocks.append(UNetBlock([prev] + [c] * (n - 1), c, t, heads, ctx, not last,
                                              down=not last, groups=groups, spelling=spelling))
            skips += [c] * n + ([] if last else [c])
            prev = c
        self.mid_res1 = ResnetBlock(prev, prev, t, groups)
        self.mid_attn = Transformer2D(prev, heads, ctx, groups, spelling)
        self.mid_res2 = ResnetBlock(prev, prev, t, groups)
        for i, c in enumerate(reversed(ch)):
            cins = []
            for j in range(n + 1):
                cins.append((prev if j == 0 else c) + skips.pop())
            self.up_blocks.append(UNetBlock(cins, c, t, heads, ctx, i > 0,
                                            up=i < len(ch) - 1, groups=groups, spelling=spelling))
            prev = c
        self.conv_norm_out = nn.GroupNorm(groups, ch[0], eps=1e-5)
        self.conv_out = nn.Conv2d(ch[0], cin, 3, padding=1)

    def forward(self, sample, timestep, encoder_hidden_states):
        half = self.c0 // 2
        f = torch.exp(-math.log(10000) * torch.arange(0, half, dtype=torch.float32) / half)
        e = timestep[:, None].float() * f[None, :]
        e = torch.cat([torch.sin(e), torch.cos(e)], dim=-1)
        e = torch.cat([e[:, half:], e[:, :half]], dim=-1)      # flip_sin_to_cos
        temb = self.time_2(F.silu(self.time_1(e)))
        x = self.conv_in(sample)
        skips, ctx = [x], encoder_hidden_states
        for b in self.down_blocks:
            x = b(x, temb, ctx, skips, False)
        x = self.mid_res2(self.mid_attn(self.mid_res1(x, temb), ctx), temb)
        for b in self.up_blocks:
            x = b(x, temb, ctx, skips, True)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


# ----------------------------------------------------------------------------- VAE decoder
class VaeAttention(nn.Module):
    """Single-head attention written with 1x1 convolutions, as in the original CompVis code."""
    def __init__(self, c, groups=32):
        super().__init__()
        self.norm = nn.GroupNorm(groups, c, eps=1e-6)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(c, c, 1) for _ in range(4))

    def forward(self, x):
        b, c, h, w = x.shape
        n = self.norm(x)
        q, k, v = self.q(n), self.k(n), self.v(n)
        q = q.reshape(b, c, h * w).permute(0, 2, 1)
        k = k.reshape(b, c, h * w)
        a = torch.bmm(q, k) * (int(c) ** -0.5)
        a = F.softmax(a, dim=2)
        v = v.reshape(b, c, h * w)
        o = torch.bmm(v, a.permute(0, 2, 1)).reshape(b, c, h, w)
        return x + self.proj_out(o)


class VaeTokenAttention(nn.Module):
    """The same layer as diffusers writes it: Linear layers on tokens, half of the scale on each side."""
    def __init__(self, c, groups=32):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, c, eps=1e-6)
        self.query, self.key, self.value, self.proj_out = (nn.Linear(c, c) for _ in range(4))

    def forward(self, x):
        b, c, h, w = x.shape
        t = self.group_norm(x).view(b, c, h * w).transpose(1, 2)
        q, k, v = self.query(t), self.key(t), self.value(t)
        scale = 1 / math.sqrt(math.sqrt(c))
        a = torch.softmax(torch.matmul(q * scale, k.transpose(-1, -2) * scale), dim=-1)
        o = self.proj_out(torch.matmul(a, v))
        return o.transpose(-1, -2).reshape(b, c, h, w) + x


class VaeUpBlock(nn.Module):
    def __init__(self, cin, cout, n, up, groups=32):
        super().__init__()
        self.resnets = nn.ModuleList(
            [ResnetBlock(cin if i == 0 else cout, cout, None, groups, 1e-6) for i in range(n)])
        self.upsampler = Upsample(cout) if up else None

    def forward(self, x):
        for r in self.resnets:
            x = r(x)
        return x if self.upsampler is None else self.upsampler(x)


class VaeDecoder(nn.Module):
    def __init__(self, ch=(128, 256, 512, 512), z=4, n=3, groups=32, spelling="original"):
        super().__init__()
        c = ch[-1]
        attention = VaeAttention if spelling == "original" else VaeTokenAttention
        self.post_quant_conv = nn.Conv2d(z, z, 1)
        self.conv_in = nn.Conv2d(z, c, 3, padding=1)
        self.mid_res1, self.mid_attn, self.mid_res2 = (
            ResnetBlock(c, c, None, groups, 1e-6), attention(c, groups), ResnetBlock(c, c, None, groups, 1e-6))
        self.up_blocks = nn.ModuleList()
        for i, co in enumerate(reversed(ch)):
            self.up_blocks.append(VaeUpBlock(c, co, n, i < len(ch) - 1, groups))
            c = co
        self.conv_norm_out = nn.GroupNorm(groups, c, eps=1e-6)
        self.conv_out = nn.Conv2d(c, 3, 3, padding=1)

    def forward(self, z):                            # [1,4,64,64] -> [1,3,512,512]
        x = self.conv_in(self.post_quant_conv(z))
        x = self.mid_res2(self.mid_attn(self.mid_res1(x)))
        for b in self.up_blocks:
            x = b(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


# ----------------------------------------------------------------------------- init
@torch.no_grad()
def random_init(model, seed):
    """Unit-gain random weights; every residual branch output is damped so that the residual
    stream grows slowly (keeps everything comfortably inside FP16 range too)."""
    g = torch.Generator().manual_seed(seed)
    damp = ("conv2", "to_out", "ff_out", "proj_out", "out_proj", "fc2")
    for name, m in model.named_modules():
        if isinstance(m, (nn.Linear, nn.Conv2d)):
            fan = m.weight[0].numel()
            gain = 0.5 if name.split(".")[-1] in damp else 1.0
            m.weight.normal_(0, gain / math.sqrt(fan), generator=g)
            if m.bias is not None:
                m.bias.normal_(0, 0.05, generator=g)
        elif isinstance(m, (nn.GroupNorm, nn.LayerNorm)):
            m.weight.normal_(1.0, 0.1, generator=g)
            m.bias.normal_(0, 0.1, generator=g)
        elif isinstance(m, nn.Embedding):
            m.weight.normal_(0, 0.5, generator=g)
    return model.eval()


def build(kind, size="full", spelling="original"):
    """The model, its example inputs, the names of its inputs and of its output."""
    full = size == "full"
    g = torch.Generator().manual_seed(11)
    if kind == "text_encoder":
        m = TextEncoder() if full else TextEncoder(d=24, heads=3, layers=12, mlp=96, vocab=200, ctx=16)
        ids = torch.randint(0, m.token_embedding.num_embeddings - 2, m.position_ids.shape, generator=g)
        return random_init(m, 1), (ids,), ["input_ids"], "last_hidden_state"
    if kind == "unet":
        m = UNet(spelling=spelling) if full else UNet(ch=(4, 8, 20, 20), heads=2, ctx=20, groups=2, spelling=spelling)
        hw, tokens, ctx = (64, 77, 768) if full else (8, 16, 20)
        a = (torch.randn(1, 4, hw, hw, generator=g), torch.tensor([500.0]), torch.randn(1, tokens, ctx, generator=g))
        return random_init(m, 2), a, ["sample", "timestep", "encoder_hidden_states"], "out_sample"
    if kind == "vae_decoder":
        m = VaeDecoder(spelling=spelling) if full else VaeDecoder(ch=(5, 10, 20, 20), groups=5, spelling=spelling)
        hw = 64 if full else 8
        return random_init(m, 3), (torch.randn(1, 4, hw, hw, generator=g),), ["latent_sample"], "sample"
    raise ValueError(kind)


if __name__ == "__main__":
    for k in ("text_encoder", "unet", "vae_decoder"):
        print(k, sum(p.numel() for p in build(k, "tiny")[0].parameters()))
