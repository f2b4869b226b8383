"""Makes the .onnx files of this folder: the three networks with the full topology and tiny widths.

Variants of a network share their weights: every initializer of more than 256 bytes lies once in
NETWORK.weights, and the models name its place.  Names of nodes and values are as the exporter gives
them in text_encoder.onnx and vae_decoder.onnx; elsewhere they are short, to keep the files small.
"""
import os

import onnx
from onnx import TensorProto, numpy_helper

import export_models
import simplify
import to_fp16

ROOT = os.path.dirname(os.path.abspath(__file__))

# name: what export_models.export takes
MODELS = {
    "text_encoder": dict(kind="text_encoder"),
    "text_encoder_opset17": dict(kind="text_encoder", opset=17),
    "text_encoder_dynamic": dict(kind="text_encoder", dynamic=True, unfolded=True),
    "unet": dict(kind="unet"),
    "unet_diffusers_opset11": dict(kind="unet", spelling="diffusers", opset=11),
    "unet_opset17_dynamic": dict(kind="unet", opset=17, dynamic=True, raw=True),
    "vae_decoder": dict(kind="vae_decoder"),
    "vae_decoder_diffusers": dict(kind="vae_decoder", spelling="diffusers"),
    "vae_decoder_dynamic": dict(kind="vae_decoder", spelling="diffusers", dynamic=True, raw=True),
}
IN_FP16 = ("text_encoder", "unet", "vae_decoder")
LONG_NAMES = ("text_encoder", "vae_decoder")


class Weights:
    """One file that holds every tensor once."""

    def __init__(self, name):
        self.name, self.data, self.places = name, bytearray(), {}

    def move(self, model):
        for t in model.graph.initializer:
            raw = numpy_helper.to_array(t).tobytes()
            if len(raw) <= 256:
                continue
            if raw not in self.places:
                self.data.extend(bytes(-len(self.data) % 16))
                self.places[raw] = len(self.data)
                self.data.extend(raw)
            place = {"location": self.name, "offset": self.places[raw], "length": len(raw)}
            moved = TensorProto(name=t.name, data_type=t.data_type, dims=t.dims, data_location=TensorProto.EXTERNAL)
            for key, value in place.items():
                moved.external_data.add(key=key, value=str(value))
            t.CopyFrom(moved)


def shorten_names(graph):
    keep = {v.name for v in (*graph.input, *graph.output)}
    short = {"": ""}

    def name(x):
        return x if x in keep else short.setdefault(x, f"v{len(short)}")

    for t in graph.initializer:
        t.name = name(t.name)
    for n in graph.node:
        n.name = ""
        for names in (n.input, n.output):
            for i, x in enumerate(names):
                names[i] = name(x)


def save(name, model, weights):
    del model.graph.value_info[:]
    if name not in LONG_NAMES:
        shorten_names(model.graph)
    print(f"{name}: {len(model.graph.node)} nodes {dict(simplify.histogram(model).most_common(6))}")
    weights.move(model)
    with open(f"{ROOT}/{name}.onnx", "wb") as f:
        f.write(model.SerializeToString())


def main():
    files = {}
    for name, options in MODELS.items():
        model, _ = export_models.export(size="tiny", **options)
        weights = files.setdefault(options["kind"], Weights(options["kind"] + ".weights"))
        half = to_fp16.store_in_fp16(model) if name in IN_FP16 else None
        save(name, model, weights)
        if half:
            save(name + "_f16", half, weights)
    for weights in files.values():
        with open(f"{ROOT}/{weights.name}", "wb") as f:
            f.write(weights.data)
    for name in os.listdir(ROOT):
        if name.endswith(".onnx"):
            onnx.checker.check_model(f"{ROOT}/{name}")


if __name__ == "__main__":
    main()
