"""Exports the trained networks to ONNX (opset 14, static shapes, batch 1), writes model_index.json and
the golden data.   usage: export.py TARGET_DIR [F32_DIR]

 TARGET/{text_encoder,unet,vae_decoder}/model.onnx   large weights stored as FP16, each followed by a Cast
 F32/{text_encoder,unet,vae_decoder}/model.onnx      the same with FP32 weights (default: f32 in the folder of checkpoints)"""
import collections, json, os, sys, warnings
import numpy as np, onnx, torch
from onnx import TensorProto, helper, numpy_helper
import dataset as D, diffusion as S, evaluate as E, models as M, simplify
from tokenizer import Tokenizer

warnings.filterwarnings("ignore")
PROMPTS = ["a red circle above a blue square on a white background", "a large yellow star on a blue background",
           "a green triangle left of an orange ring", "a small purple diamond on a black background"]


def weights16(m):
    conv = []
    for t in m.graph.initializer:
        if t.data_type == TensorProto.FLOAT and len(t.dims) > 1 and np.prod(t.dims) >= 1024:
            a = numpy_helper.to_array(t)
            t.CopyFrom(numpy_helper.from_array(a.astype(np.float16), t.name)); conv.append(t.name)
    for n in m.graph.node:
        for i, x in enumerate(n.input):
            if x in conv:
                n.input[i] = x + "_f32"
    nodes = [helper.make_node("Cast", [c], [c + "_f32"], name=c + "_cast", to=TensorProto.FLOAT) for c in conv] + list(m.graph.node)
    del m.graph.node[:]
    m.graph.node.extend(nodes)
    return m


def export(kind, net, args, ins, out, root, root32):
    os.makedirs(f"{root}/{kind}", exist_ok=True)
    os.makedirs(f"{root32}/{kind}", exist_ok=True)
    path, path16 = f"{root32}/{kind}/model.onnx", f"{root}/{kind}/model.onnx"
    torch.onnx.export(net, args, path, input_names=ins, output_names=[out], opset_version=14, do_constant_folding=True)
    m = simplify.simplify(onnx.load(path), log=lambda *_: None)
    m.graph.name = kind
    onnx.checker.check_model(m)
    onnx.save(m, path)
    hist = collections.Counter(n.op_type for n in m.graph.node)
    w = weights16(onnx.load(path))
    onnx.checker.check_model(w)
    onnx.save(w, path16)
    print(kind, "parameters", f"{sum(p.numel() for p in net.parameters()):,}", "bytes", os.path.getsize(path), "w16", os.path.getsize(path16), dict(hist.most_common()))


@torch.no_grad()
def main(root, root32):
    torch.set_num_threads(2)
    text, unet, dec, step = nets = E.load()
    tok = Tokenizer()
    ids = torch.tensor([tok.encode(p) for p in PROMPTS])
    ctx = torch.cat([text(i[None]) for i in ids])
    g = torch.Generator().manual_seed(42)
    sample, t = torch.randn(1, 4, 16, 16, generator=g), torch.tensor([601.0])
    uout = torch.cat([unet(sample, t, c[None]) for c in ctx])
    noise = torch.randn(4, 4, 16, 16, generator=g)
    un = text(torch.tensor([tok.encode("")]))
    ts = torch.linspace(999, 0, 12, dtype=torch.float64)
    sig = torch.cat([S.t_to_sigma(ts), torch.zeros(1, dtype=torch.float64)])
    x = noise * float(sig[0])
    for i in range(12):
        xin = x / float(sig[i] ** 2 + 1) ** 0.5
        e = torch.cat([unet(v[None], ts[i:i + 1].float(), c[None]) for v, c in zip(xin, ctx)])
        u = torch.cat([unet(v[None], ts[i:i + 1].float(), un) for v in xin])
        x = x + (u + 5.0 * (e - u)) * float(sig[i + 1] - sig[i])
    z = x / S.SCALE
    img = torch.cat([dec(v[None]) for v in z])
    os.makedirs(f"{root}/golden", exist_ok=True)
    gold = {"input_ids": ids, "empty_input_ids": torch.tensor([tok.encode("")]), "last_hidden_state": ctx, "empty_last_hidden_state": un,
            "unet_sample": sample, "unet_timestep": t, "unet_out_sample": uout, "euler12_cfg5_noise": noise,
            "euler12_sigmas": sig.float(), "euler12_timesteps": ts.float(), "euler12_cfg5_latents": x,
            "vae_latent_sample": z[:1], "vae_sample": img[:1], "euler12_cfg5_images_u8": ((img.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)}
    for k, v in gold.items():
        np.save(f"{root}/golden/{k}.npy", v.numpy())
    with open(f"{root}/golden/prompts.json", "w") as f:
        json.dump(PROMPTS, f, indent=1)
    export("text_encoder", text, (ids[:1],), ["input_ids"], "last_hidden_state", root, root32)
    export("unet", unet, (sample, t, ctx[:1]), ["sample", "timestep", "encoder_hidden_states"], "out_sample", root, root32)
    export("vae_decoder", dec, (z[:1],), ["latent_sample"], "sample", root, root32)
    count = lambda m: sum(p.numel() for p in m.parameters())
    index = {
        "name": "tiny-shapes", "pipeline": "stable-diffusion",
        "text_encoder": {"file": "text_encoder/model.onnx", "input": "input_ids", "output": "last_hidden_state", "context_length": M.CONTEXT,
                         "hidden_size": M.DIM, "layers": 3, "heads": 4, "parameters": count(text)},
        "unet": {"file": "unet/model.onnx", "inputs": ["sample", "timestep", "encoder_hidden_states"], "output": "out_sample", "prediction_type": "epsilon",
                 "latent_channels": 4, "latent_height": 16, "latent_width": 16, "block_out_channels": list(M.UNET_CH), "parameters": count(unet)},
        "vae_decoder": {"file": "vae_decoder/model.onnx", "input": "latent_sample", "output": "sample", "scaling_factor": S.SCALE, "scale_factor": 4,
                        "image_height": 64, "image_width": 64, "output_range": [-1, 1], "block_out_channels": list(M.VAE_CH), "parameters": count(dec)},
        "tokenizer": {"vocab": "tokenizer/vocab.json", "merges": "tokenizer/merges.txt", "model_max_length": M.CONTEXT, "lower_case": True, "word_suffix": "</w>",
                      "bos_token": "<|startoftext|>", "bos_token_id": tok.bos, "eos_token": "<|endoftext|>", "eos_token_id": tok.eos,
                      "pad_token": "<|endoftext|>", "pad_token_id": tok.eos, "vocab_size": M.VOCAB},
        "scheduler": {"num_train_timesteps": S.STEPS, "beta_start": S.BETA_START, "beta_end": S.BETA_END, "beta_schedule": "scaled_linear",
                      "recommended_sampler": "euler_ancestral", "recommended_steps": 20, "recommended_guidance_scale": 5.0},
        "training_steps": step,
    }
    with open(f"{root}/model_index.json", "w") as f:
        json.dump(index, f, indent=2)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "..", sys.argv[2] if len(sys.argv) > 2 else f"{E.OUT}/f32")
