"""Exports architectures of image_modules.py and sequence_modules.py.

    export_models.py [NAME ...] [--size full|tiny] [--output FOLDER]

Writes FOLDER/NAME/model.onnx with fixed shapes, and FOLDER/NAME/inputs/*.npy: an example of each input.  Without names, all that
are of use in that size.  --list prints the names.
"""
import argparse
import io
import os
import time
import warnings

import numpy as np
import onnx
import torch

import image_modules
import sequence_modules

ARCHITECTURES = {**image_modules.ARCHITECTURES, **sequence_modules.ARCHITECTURES}


def export(name, size, opset=14, dynamic=False, unfolded=False, log=lambda *a: None):
    """The ONNX model, and the example's inputs by name.

    dynamic leaves batch, image and sequence open; unfolded keeps what the exporter would compute beforehand or fuse.
    """
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    start = time.time()
    module, inputs, outputs, axes = ARCHITECTURES[name](size)
    module.eval()
    with torch.no_grad():
        results = module(*inputs.values())
    for result in results if isinstance(results, (tuple, list)) else [results]:
        assert torch.isfinite(result).all(), name
        log(f"{name}: output {tuple(result.shape)} mean {result.float().mean():.3g} std {result.float().std():.3g}")
    file = io.BytesIO()
    torch.onnx.export(module, tuple(inputs.values()), file, input_names=list(inputs), output_names=outputs, opset_version=opset,
                      do_constant_folding=not unfolded, dynamic_axes=axes if dynamic else None,
                      training=torch.onnx.TrainingMode.PRESERVE if unfolded else torch.onnx.TrainingMode.EVAL)
    model = onnx.load_from_string(file.getvalue())
    for node in model.graph.node:
        node.doc_string = ""
    count = sum(p.numel() for p in module.parameters())
    log(f"{name}: {count:,} parameters, {len(model.graph.node)} nodes, {time.time() - start:.1f} s")
    return model, inputs


def main():
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *ARCHITECTURES], metavar="NAME")
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument("--output", default="models/architectures")
    parser.add_argument("--list", action="store_true")
    o = parser.parse_args()
    if o.list:
        print("\n".join(ARCHITECTURES))
        return
    for name in o.names or ARCHITECTURES:
        folder = f"{o.output}/{name}"
        os.makedirs(f"{folder}/inputs", exist_ok=True)
        model, inputs = export(name, o.size, log=print)
        for key, value in inputs.items():
            np.save(f"{folder}/inputs/{key}.npy", value.numpy())
        onnx.save_model(model, f"{folder}/model.onnx")


if __name__ == "__main__":
    main()
