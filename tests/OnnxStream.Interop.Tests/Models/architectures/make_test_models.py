"""Makes the .onnx files of this folder: every architecture in its tiny size, in several opsets and spellings."""
import os

import onnx
import torch
from onnx import TensorProto, numpy_helper

import export_models

ROOT = os.path.dirname(os.path.abspath(__file__))

# file: architecture, and what export_models.export takes
MODELS = {
    "resnet50": ("resnet50", dict(opset=13)),
    "resnet50_unfolded": ("resnet50", dict(opset=11, dynamic=True, unfolded=True)),
    "resnext": ("resnext", dict(opset=14)),
    "mobilenet_v2": ("mobilenet_v2", dict(opset=11)),
    "mobilenet_v2_f16": ("mobilenet_v2", dict(opset=14)),
    "mobilenet_v3": ("mobilenet_v3", dict(opset=14)),
    "mobilenet_v3_opset11": ("mobilenet_v3", dict(opset=11, dynamic=True)),
    "densenet121": ("densenet121", dict(opset=14, dynamic=True)),
    "shufflenet_v2": ("shufflenet_v2", dict(opset=13)),
    "shufflenet_v2_unfolded": ("shufflenet_v2", dict(opset=11, dynamic=True, unfolded=True)),
    "squeezenet1_1": ("squeezenet1_1", dict(opset=11)),
    "inception_v3": ("inception_v3", dict(opset=17, dynamic=True)),
    "vgg16": ("vgg16", dict(opset=13)),
    "detector": ("detector", dict(opset=11)),
    "detector_unfolded": ("detector", dict(opset=17, dynamic=True, unfolded=True)),
    "unet": ("unet", dict(opset=13, dynamic=True)),
    "unet_bilinear": ("unet_bilinear", dict(opset=11, dynamic=True)),
    "bert": ("bert", dict(opset=11)),
    "bert_unfolded": ("bert", dict(opset=14, dynamic=True, unfolded=True)),
    "gpt2": ("gpt2", dict(opset=13, dynamic=True)),
    "llama": ("llama", dict(opset=14)),
    "llama_dynamic": ("llama", dict(opset=17, dynamic=True)),
    "t5_encoder": ("t5_encoder", dict(opset=14, dynamic=True)),
    "t5_decoder": ("t5_decoder", dict(opset=13, dynamic=True)),
    "vit": ("vit", dict(opset=14)),
    "vit_f16": ("vit", dict(opset=17)),
    "whisper_encoder": ("whisper_encoder", dict(opset=17, dynamic=True)),
    "whisper_decoder": ("whisper_decoder", dict(opset=14, dynamic=True)),
    "diffusion_transformer": ("diffusion_transformer", dict(opset=14, dynamic=True)),
    "diffusion_transformer_unfolded": ("diffusion_transformer", dict(opset=13, dynamic=True, unfolded=True)),
}


def to_half(model):
    """Makes every single-precision number of a model one of half precision, its inputs and outputs too."""
    def convert(tensor):
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype("float16"), tensor.name))

    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
    for tensor in model.graph.initializer:
        convert(tensor)
    for node in model.graph.node:
        for attribute in node.attribute:
            convert(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16


def main():
    torch.set_num_threads(1)
    for file, (name, options) in MODELS.items():
        model, _ = export_models.export(name, "tiny", **options)
        if file.endswith("_f16"):
            to_half(model)
        onnx.checker.check_model(model)
        path = f"{ROOT}/{file}.onnx"
        onnx.save_model(model, path)
        print(f"{file}: opset {options['opset']}, {len(model.graph.node)} nodes, {os.path.getsize(path):,} bytes")


if __name__ == "__main__":
    main()
