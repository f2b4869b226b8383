"""Half-precision variants of a single-precision model.

    to_fp16.py MODEL.onnx OUTPUT.onnx [--compute]

Weights are stored in half precision, each followed by a Cast to single precision; with --compute
everything is half precision between the inputs and the outputs of the graph, which stay as they are.
"""
import argparse
import copy

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def _narrow(graph, smallest):
    """Stores float initializers of at least that many elements in half precision; returns their names."""
    keep = {x for n in graph.node if n.op_type == "Resize" for x in n.input[1:]}      # scales stay single precision
    narrowed = set()
    for t in graph.initializer:
        if t.data_type == TensorProto.FLOAT and t.name not in keep and np.prod(t.dims, dtype=np.int64) >= smallest:
            a = np.clip(numpy_helper.to_array(t), -65504, 65504).astype(np.float16)
            t.CopyFrom(numpy_helper.from_array(a, t.name))
            narrowed.add(t.name)
    return narrowed


def store_in_fp16(model, smallest=64):
    """Only the weights; smaller tensors (constants such as epsilons among them) stay as they are."""
    m = copy.deepcopy(model)
    g = m.graph
    names = _narrow(g, smallest)
    casts = [helper.make_node("Cast", [x], [x + "_f32"], name=x + "_cast", to=TensorProto.FLOAT) for x in sorted(names)]
    nodes = list(g.node)
    for n in nodes:
        for i, x in enumerate(n.input):
            if x in names:
                n.input[i] = x + "_f32"
    del g.node[:]
    g.node.extend(casts + nodes)
    return m


def compute_in_fp16(model):
    """Weights and activations."""
    m = copy.deepcopy(model)
    g = m.graph
    _narrow(g, 1)
    ins = [v.name for v in g.input if v.type.tensor_type.elem_type == TensorProto.FLOAT]
    outs = [v.name for v in g.output]
    del g.value_info[:]
    nodes = list(g.node)
    for n in nodes:
        for names in (n.input, n.output):
            for i, x in enumerate(names):
                if x in outs or (names is n.input and x in ins):
                    names[i] = x + "_f16"
        for a in n.attribute:
            if n.op_type == "Cast" and a.name == "to" and a.i == TensorProto.FLOAT:
                a.i = TensorProto.FLOAT16
    before = [helper.make_node("Cast", [x], [x + "_f16"], name=x + "_cast", to=TensorProto.FLOAT16) for x in ins]
    after = [helper.make_node("Cast", [x + "_f16"], [x], name=x + "_cast", to=TensorProto.FLOAT) for x in outs]
    del g.node[:]
    g.node.extend(before + nodes + after)
    return m


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("output")
    parser.add_argument("--compute", action="store_true")
    o = parser.parse_args()
    model = onnx.load(o.model)
    model = compute_in_fp16(model) if o.compute else store_in_fp16(model)
    onnx.save_model(model, o.output, save_as_external_data=True, all_tensors_to_one_file=True,
                    location=o.output.split("/")[-1] + ".data", size_threshold=256)


if __name__ == "__main__":
    main()
