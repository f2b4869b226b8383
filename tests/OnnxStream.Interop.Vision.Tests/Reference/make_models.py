"""Writes three models of a few numbers each: reds-detector.onnx has YOLOv8's layout, colours.onnx knows the classes red, green and blue,
and reds-mask.onnx gives a mask of what is red. Needs python3-onnx. Run in this folder: python3 make_models.py
"""
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save


def tensor(name, values, kind=np.float32):
    return numpy_helper.from_array(np.array(values, kind), name)


def write(path, nodes, inputs, outputs, initializers):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model)
    save(model, path)


def value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


# A box of 32 by 32 pixels at each place of a grid where the mean of red is high and that of the others low. The grid is that of an input of 128 by 128.
side, cell, cells = 128, 32, 4
centres = [[(i % cells + 0.5) * cell for i in range(cells * cells)], [(i // cells + 0.5) * cell for i in range(cells * cells)]]
write(
    "reds-detector.onnx",
    [
        helper.make_node("AveragePool", ["images"], ["means"], kernel_shape=[cell, cell], strides=[cell, cell]),
        helper.make_node("Conv", ["means", "weights", "bias"], ["scores"]),
        helper.make_node("Reshape", ["scores", "shape"], ["rows"]),
        helper.make_node("Sigmoid", ["rows"], ["classes"]),
        helper.make_node("Concat", ["boxes", "classes"], ["output0"], axis=1),
    ],
    [value("images", [1, 3, side, side])],
    [value("output0", [1, 6, cells * cells])],
    [
        tensor("weights", np.reshape([12, -12, -12, -12, -12, 12], (2, 3, 1, 1))),
        tensor("bias", [-4, -4]),
        tensor("shape", [1, 2, -1], np.int64),
        tensor("boxes", [centres + [[float(cell)] * (cells * cells)] * 2]),
    ])
write(
    "colours.onnx",
    [
        helper.make_node("GlobalAveragePool", ["image"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Mul", ["flat", "scale"], ["scores"]),
    ],
    [value("image", ["batch", 3, "height", "width"])],
    [value("scores", ["batch", 3])],
    [tensor("scale", [4])])
write(
    "reds-mask.onnx",
    [
        helper.make_node("Conv", ["image", "weights", "bias"], ["scores"]),
        helper.make_node("Sigmoid", ["scores"], ["mask"]),
    ],
    [value("image", [1, 3, 64, 64])],
    [value("mask", [1, 1, 64, 64])],
    [tensor("weights", np.reshape([30, -30, -30], (1, 3, 1, 1))), tensor("bias", [-15])])
