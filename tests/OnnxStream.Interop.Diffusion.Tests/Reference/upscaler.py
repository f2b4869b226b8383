"""Networks that double pictures, for the tests of tiles: a mean over three by three pixels with zeros around, and each pixel four times.

Writes upscaler/open.onnx (any size) and upscaler/fixed.onnx (40 x 48 pixels). Needs onnx and numpy."""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "upscaler")
os.makedirs(OUT, exist_ok=True)
for name, height, width in (("open", "height", "width"), ("fixed", 40, 48)):
    weight = np.full((3, 1, 3, 3), 1 / 9, np.float32)
    scales = np.array([1, 1, 2, 2], np.float32)
    double = (lambda n: n if isinstance(n, str) else 2 * n)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight"], ["blurred"], pads=[1, 1, 1, 1], group=3),
         helper.make_node("Resize", ["blurred", "", "scales"], ["large"], mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric")],
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, width])],
        [helper.make_tensor_value_info("large", TensorProto.FLOAT, [1, 3, None if isinstance(height, str) else double(height), None if isinstance(width, str) else double(width)])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(scales, "scales")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(OUT, name + ".onnx"))
