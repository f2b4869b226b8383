"""Exports one of the networks of sd15_modules.py.

    export_models.py KIND [--size full|tiny] [--spelling original|diffusers] [--opset N]
                     [--dynamic] [--raw] [--unfolded] [--output FOLDER]

KIND is text_encoder, unet or vae_decoder.  Writes FOLDER/model.onnx with its weights beside it, and
io/*.npy: the example inputs and PyTorch's output for them.  --dynamic leaves batch and sizes open,
--raw keeps the graph as the exporter writes it, --unfolded also keeps what it computes with constants.
"""
import argparse
import os
import tempfile
import time
import warnings

import numpy as np
import onnx
import torch
from onnx.external_data_helper import load_external_data_for_model

import sd15_modules
import simplify

AXES = {
    "text_encoder": {"input_ids": {0: "batch", 1: "sequence"}},
    "unet": {"sample": {0: "batch", 2: "height", 3: "width"}, "encoder_hidden_states": {0: "batch", 1: "sequence"}},
    "vae_decoder": {"latent_sample": {0: "batch", 2: "height", 3: "width"}},
}


def export(kind, size="full", spelling="original", opset=14, dynamic=False, raw=False, unfolded=False, log=lambda *a: None):
    """The ONNX model with all of its data in memory, and the example's tensors by name."""
    warnings.filterwarnings("ignore")
    start = time.time()
    module, args, ins, out = sd15_modules.build(kind, size, spelling)
    with torch.no_grad():
        y = module(*args)
    log(f"{kind}: {sum(p.numel() for p in module.parameters()):,} parameters, output {tuple(y.shape)} "
        f"std {y.std():.4f} finite {bool(torch.isfinite(y).all())}, {time.time() - start:.1f} s")
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:            # above 2 GB the exporter writes many files
        path = f"{folder}/model.onnx"
        torch.onnx.export(module, args, path, input_names=ins, output_names=[out], opset_version=opset,
                          do_constant_folding=not unfolded, dynamic_axes=AXES[kind] if dynamic else None)
        del module
        model = onnx.load(path, load_external_data=False)
        log(f"exported: {len(model.graph.node)} nodes, {time.time() - start:.1f} s")
        if not (raw or unfolded):
            start = time.time()
            simplify.simplify(model, log)
            log(f"simplified: {len(model.graph.node)} nodes, {time.time() - start:.1f} s")
        load_external_data_for_model(model, folder)
    for node in model.graph.node:
        node.doc_string = ""
    return model, {**dict(zip(ins, args)), out: y}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=AXES)
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument("--spelling", choices=("original", "diffusers"), default="original")
    parser.add_argument("--opset", type=int, default=14)
    parser.add_argument("--dynamic", action="store_true")
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--unfolded", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    output = o.output or f"models/{o.kind}"
    os.makedirs(f"{output}/io", exist_ok=True)
    model, tensors = export(o.kind, o.size, o.spelling, o.opset, o.dynamic, o.raw, o.unfolded, print)
    for name, tensor in tensors.items():
        np.save(f"{output}/io/{name}.npy", tensor.numpy())
    if os.path.exists(f"{output}/model.onnx.data"):
        os.remove(f"{output}/model.onnx.data")               # onnx appends to an existing file
    onnx.save_model(model, f"{output}/model.onnx", save_as_external_data=True, all_tensors_to_one_file=True,
                    location="model.onnx.data", size_threshold=256)
    onnx.checker.check_model(f"{output}/model.onnx")
    print("operators", dict(simplify.histogram(model).most_common()))


if __name__ == "__main__":
    main()
