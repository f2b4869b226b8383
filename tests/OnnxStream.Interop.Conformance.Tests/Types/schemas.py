#!/usr/bin/env python3
"""Writes schemas.txt: every operator of the domain ai.onnx in every version from operator set 6 to 28, and those of other domains that are supported.

Versions up to 17 are those of Debian's package python3-onnx (run this with /usr/bin/python3). Newer ones are written below, from the
text of the ONNX operator specification; the test that reads the table asks ONNX Runtime about each type that they allow or not.

A line is: operator, version, D if deprecated | type parameters | inputs | outputs | attributes.
An input is name:type, with ? behind an optional and * behind a repeated one. An attribute is name:kind, with =default or ! (required).
"""
import pathlib

import onnx.defs
import onnx.helper

OLDEST, NEWEST = 6, 28

INTEGERS = "uint8 uint16 uint32 uint64 int8 int16 int32 int64"
FLOATS = "float16 float double"
NUMBERS = f"{INTEGERS} {FLOATS}"
ALL = f"{NUMBERS} string bool complex64 complex128"
IR4 = f"{ALL} bfloat16"
FLOAT8 = "float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz"
CAST19 = f"{NUMBERS} bool bfloat16 string {FLOAT8}"


class Schema:
    def __init__(self, name, version, types=None, inputs=(), outputs=(), attributes=None, deprecated=False):
        self.name, self.version, self.types = name, version, dict(types or {})
        self.inputs, self.outputs, self.attributes, self.deprecated = list(inputs), list(outputs), dict(attributes or {}), deprecated

    def line(self):
        types = "; ".join(f"{parameter}: {' '.join(allowed)}" for parameter, allowed in self.types.items())
        attributes = " ".join(f"{name}:{text}" for name, text in sorted(self.attributes.items()))
        head = f"{self.name} {self.version}{' D' if self.deprecated else ''}"
        return f"{head} | {types} | {' '.join(self.inputs)} | {' '.join(self.outputs)} | {attributes}".replace("  ", " ").rstrip()


def plain(type_name):
    """tensor(float) -> float; sequences and optional values keep their words."""
    return type_name[7:-1] if type_name.startswith("tensor(") else type_name.replace(" ", "")


def formal(parameter):
    kind = onnx.defs.OpSchema.FormalParameterOption
    mark = {kind.Optional: "?", kind.Variadic: "*"}.get(parameter.option, "")
    return f"{parameter.name}:{plain(parameter.typeStr)}{mark}"


def attribute(found):
    kind = str(found.type).rsplit(".", 1)[-1].lower()
    if found.required:
        return kind + "!"
    if not found.default_value.name:
        return kind
    value = onnx.helper.get_attribute_value(found.default_value)
    return f"{kind}={value.decode() if isinstance(value, bytes) else f'{value:.7g}' if isinstance(value, float) else value}".replace(" ", "")


def from_package():
    for found in onnx.defs.get_all_schemas_with_history():
        if found.domain == "":
            types = {constraint.type_param_str: [plain(allowed) for allowed in constraint.allowed_type_strs] for constraint in found.type_constraints}
            attributes = {name: attribute(value) for name, value in found.attributes.items()}
            yield Schema(found.name, found.since_version, types, map(formal, found.inputs), map(formal, found.outputs), attributes, found.deprecated)


schemas = {}  # operator -> its versions, oldest first
for schema in sorted(from_package(), key=lambda schema: schema.version):
    schemas.setdefault(schema.name, []).append(schema)


def since(version, names, types=(), inputs=None, outputs=None, deprecated=False, **attributes):
    """A new operator, or a new version of one: what is not given stays. Types "+x" are added to those of before."""
    for name in names.split():
        last = schemas[name][-1] if name in schemas else Schema(name, 0)
        new = Schema(name, version, last.types, last.inputs, last.outputs, last.attributes, deprecated)
        for parameter, allowed in dict(types).items():
            before = new.types.get(parameter, []) if allowed.startswith("+") else []
            new.types[parameter] = before + [word for word in allowed.lstrip("+").split() if word not in before]
        new.inputs = inputs.split() if inputs is not None else new.inputs
        new.outputs = outputs.split() if outputs is not None else new.outputs
        new.attributes.update(attributes)
        schemas.setdefault(name, []).append(new)


# 18
since(18, "BitwiseAnd BitwiseOr BitwiseXor", {"T": INTEGERS}, "A:T B:T", "C:T")
since(18, "BitwiseNot", {"T": INTEGERS}, "X:T", "Y:T")
since(18, "CenterCropPad", {"T": IR4, "Tind": "int32 int64"}, "input_data:T shape:Tind", "output_data:T", axes="ints")
since(18, "Col2Im", {"T": IR4}, "input:T image_shape:int64 block_shape:int64", "output:T", dilations="ints", pads="ints", strides="ints")
since(18, "GroupNormalization", {"T": f"{FLOATS} bfloat16"}, "X:T scale:T bias:T", "Y:T", True, epsilon="float=1e-05", num_groups="int!")
since(18, "LpPool", ceil_mode="int=0", dilations="ints")
since(18, "Mish", {"T": FLOATS}, "X:T", "Y:T")
since(18, "Pad", {"T": IR4, "Tind": "int32 int64"}, "data:T pads:int64 constant_value:T? axes:Tind?")
since(18, "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare", (), "data:T axes:int64?", noop_with_empty_axes="int=0")
for name in "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare".split():
    del schemas[name][-1].attributes["axes"]
since(18, "Resize", {"T1": IR4}, antialias="int=0", axes="ints", keep_aspect_ratio_policy="string=stretch")
since(18, "ScatterElements ScatterND", {"T": IR4})
since(18, "Split", {"T": IR4}, num_outputs="int")

# 19
since(19, "AveragePool", dilations="ints")
since(19, "Cast CastLike", {"T1": CAST19, "T2": CAST19}, saturate="int=1")
since(19, "Constant", {"T": f"{IR4} {FLOAT8}"})
since(19, "DeformConv", {"T": FLOATS}, "X:T W:T offset:T B:T? mask:T?", "Y:T", dilations="ints", group="int=1", kernel_shape="ints", offset_group="int=1", pads="ints", strides="ints")
since(19, "DequantizeLinear", {"T1": f"int8 uint8 int32 {FLOAT8}", "T2": "float float16 bfloat16"}, "x:T1 x_scale:T2 x_zero_point:T1?", "y:T2")
since(19, "QuantizeLinear", {"T1": "float float16 bfloat16 int32", "T2": f"int8 uint8 {FLOAT8}"}, "x:T1 y_scale:T1 y_zero_point:T2?", "y:T2", saturate="int=1")
since(19, "Equal", {"T": "+string"})
since(19, "Identity Loop If Scan", {"V": f"+{FLOAT8}"})
since(19, "Pad")
since(19, "Reshape Shape Size", {"T": f"{IR4} {FLOAT8}"})
since(19, "Resize")

# 20
since(20, "AffineGrid", {"T1": f"{FLOATS} bfloat16", "T2": "int64"}, "theta:T1 size:T2", "grid:T1", align_corners="int=0")
since(20, "ConstantOfShape", {"T2": f"+bfloat16 {FLOAT8}"})
since(20, "DFT", {"T1": f"{FLOATS} bfloat16", "T2": "int32 int64"}, "input:T1 dft_length:T2? axis:int64?", "output:T1")
del schemas["DFT"][-1].attributes["axis"]
since(20, "Gelu", {"T": f"{FLOATS} bfloat16"}, "X:T", "Y:T", approximate="string=none")
since(20, "GridSample", mode="string=linear")
since(20, "ImageDecoder", {"T1": "uint8", "T2": "uint8"}, "encoded_stream:T1", "image:T2", pixel_format="string=RGB")
since(20, "IsInf", {"T1": f"+float16 bfloat16 {FLOAT8}"})
since(20, "IsNaN", {"T1": f"+bfloat16 {FLOAT8}"})
since(20, "ReduceMax ReduceMin", {"T": "+bool"})
since(20, "RegexFullMatch", {"T1": "string", "T2": "bool"}, "X:T1", "Y:T2", pattern="string")
since(20, "StringConcat", {"T": "string"}, "X:T Y:T", "Z:T")
since(20, "StringSplit", {"T1": "string", "T2": "string", "T3": "int64"}, "X:T1", "Y:T2 Z:T3", delimiter="string", maxsplit="int")

# 21
since(21, "Cast CastLike", {"T1": "+uint4 int4", "T2": "+uint4 int4"})
since(21, "Constant Flatten Pad Reshape Shape Size Squeeze Transpose Unsqueeze", {"T": f"{IR4} {FLOAT8} uint4 int4"})
since(21, "ConstantOfShape", {"T2": "+uint4 int4"})
since(21, "Identity Loop If Scan", {"V": "+uint4 int4"})
since(21, "DequantizeLinear", {"T1": "+uint16 int16 uint4 int4"}, block_size="int=0")
since(21, "QuantizeLinear", {"T2": "+uint16 int16 uint4 int4"}, block_size="int=0", output_dtype="int=0")
since(21, "GroupNormalization", stash_type="int=1")
since(21, "QLinearMatMul", {"T1": f"+{FLOAT8}", "T2": f"+{FLOAT8}", "T3": f"+{FLOAT8}", "TS": "float float16 bfloat16"}, "a:T1 a_scale:TS a_zero_point:T1 b:T2 b_scale:TS b_zero_point:T2 y_scale:TS y_zero_point:T3")

# 22: bfloat16
since(22, "Acos Acosh Asin Asinh Atan Atanh AveragePool Conv ConvTranspose Cos Cosh DeformConv Det Elu GRU GlobalAveragePool GlobalLpPool GlobalMaxPool "
      "HardSigmoid HardSwish InstanceNormalization LSTM LpNormalization LpPool MaxPool MaxRoiPool Mish NegativeLogLikelihoodLoss RNN RandomNormal RandomUniform Round Selu "
      "Sin Sinh Softplus Softsign Tan ThresholdedRelu", {"T": "+bfloat16"})
since(22, "Bernoulli RandomNormalLike RandomUniformLike", {"T1": "+bfloat16", "T2": "+bfloat16"})
since(22, "EyeLike", {"T1": "+bfloat16", "T2": "+bfloat16"})
since(22, "Multinomial RoiAlign MaxUnpool", {"T1": "+bfloat16"})
since(22, "Dropout", {"T": f"+bfloat16 {FLOAT8}", "T1": f"+bfloat16 {FLOAT8}"})
since(22, "GridSample", {"T1": IR4, "T2": "+bfloat16"})

# 23
since(23, "Attention", {"T1": f"{FLOATS} bfloat16", "T2": f"{FLOATS} bfloat16", "U": f"{NUMBERS} bfloat16 bool"},
      "Q:T1 K:T1 V:T2 attn_mask:U? past_key:T1? past_value:T2?", "Y:T1 present_key:T1? present_value:T2? qk_matmul_output:T1?",
      is_causal="int=0", kv_num_heads="int", q_num_heads="int", qk_matmul_output_mode="int=0", scale="float", softcap="float=0", softmax_precision="int")
since(23, "Cast CastLike", {"T1": "+float4e2m1", "T2": "+float4e2m1"})
since(23, "Constant Flatten Pad Reshape Shape Size Squeeze Transpose Unsqueeze", {"T": "+float4e2m1"})
since(23, "ConstantOfShape", {"T2": "+float4e2m1"})
since(23, "Identity Loop If Scan", {"V": "+float4e2m1"})
since(23, "DequantizeLinear", {"T1": "+float4e2m1", "T3": "float float16 bfloat16"}, outputs="y:T3", output_dtype="int=0")
since(23, "QuantizeLinear", {"T2": "float float16 bfloat16 int32", "T3": f"int8 uint8 {FLOAT8} uint16 int16 uint4 int4 float4e2m1"}, "x:T1 y_scale:T2 y_zero_point:T3?", "y:T3", precision="int=0")
since(23, "RMSNormalization", {"T": f"{FLOATS} bfloat16", "V": f"{FLOATS} bfloat16"}, "X:T scale:V", "Y:V", axis="int=-1", epsilon="float=1e-05", stash_type="int=1")
since(23, "RotaryEmbedding", {"T": "float float16 bfloat16", "M": "int64"}, "X:T cos_cache:T sin_cache:T position_ids:M?", "Y:T",
      interleaved="int=0", num_heads="int", rotary_embedding_dim="int=0")

# 24
since(24, "Attention", (), "Q:T1 K:T1 V:T2 attn_mask:U? past_key:T1? past_value:T2? nonpad_kv_seqlen:int64?")
since(24, "Cast CastLike", {"T1": "+float8e8m0", "T2": "+float8e8m0"}, round_mode="string=up")
since(24, "Constant Flatten Pad Reshape Shape Size Squeeze Transpose Unsqueeze", {"T": "+float8e8m0"})
since(24, "ConstantOfShape", {"T2": "+float8e8m0"})
since(24, "Identity Loop If Scan", {"V": "+float8e8m0"})
since(24, "DequantizeLinear", {"T2": "+float8e8m0"})
since(24, "QuantizeLinear", {"T2": "+float8e8m0"})
since(24, "SplitToSequence", {"T": "+bfloat16"})
since(24, "Swish", {"T": f"{FLOATS} bfloat16"}, "X:T", "Y:T", alpha="float=1")
since(24, "TensorScatter", {"T": f"{IR4} {FLOAT8} uint4 int4 float4e2m1 float8e8m0"}, "past_cache:T update:T write_indices:int64?", "present_cache:T", axis="int=-2", mode="string=linear")
since(24, "TopK", {"T": "+bfloat16"})

# 25: integers of two bits
since(25, "Attention", left_window_size="int=-1", right_window_size="int=-1")
since(25, "Cast CastLike", {"T1": "+uint2 int2", "T2": "+uint2 int2"})
since(25, "Constant Flatten Pad Reshape Shape Size Squeeze Transpose Unsqueeze", {"T": "+uint2 int2"})
since(25, "ConstantOfShape", {"T2": "+uint2 int2"})
since(25, "Identity Loop If Scan", {"V": "+uint2 int2"})
since(25, "DequantizeLinear", {"T1": "+uint2 int2"})
since(25, "QuantizeLinear", {"T3": "+uint2 int2"})

# 26
BITS = f"{NUMBERS} bool bfloat16 complex64 complex128 {FLOAT8} float8e8m0 float4e2m1 uint4 int4 uint2 int2"
since(26, "BitCast", {"T1": BITS, "T2": BITS}, "input:T1", "output:T2", to="int!")
since(26, "CumProd", {"T": f"uint32 uint64 int32 int64 {FLOATS} bfloat16", "T2": "int32 int64"}, "x:T axis:T2", "y:T", exclusive="int=0", reverse="int=0")

# 27
since(27, "CausalConvWithState", {"T": f"{FLOATS} bfloat16"}, "input:T weight:T bias:T? past_state:T?", "output:T present_state:T", activation="string=none")
since(27, "LinearAttention", {"T": "float16 float bfloat16"}, "query:T key:T value:T past_state:T? decay:T? beta:T?", "output:T present_state:T",
      kv_num_heads="int!", q_num_heads="int!", scale="float=0", update_rule="string=gated_delta")
since(27, "Range", {"T": "+float16 bfloat16"})

# 28
since(28, "Celu", {"T": f"{FLOATS} bfloat16"})
since(28, "Compress Einsum ReverseSequence Unique", {"T": "+bfloat16"})
since(28, "OneHot", {"T3": "+bfloat16"})
since(28, "Mod")
since(28, "SpaceToDepth", mode="string=DCR")
since(28, "SwiGLU", {"T": f"{FLOATS} bfloat16"}, "A:T B:T", "Y:T", alpha="float=1")

# com.microsoft, as ONNX Runtime's docs/ContribOperators.md has it
SINGLE = "float float16 bfloat16"
for name in "BiasGelu Gelu QuickGelu".split():
    since(1, f"com.microsoft.{name}", {"T": f"{FLOATS} bfloat16"}, "A:T B:T" if name == "BiasGelu" else "X:T", "Y:T", **({"alpha": "float=1.702"} if name == "QuickGelu" else {}))
since(1, "com.microsoft.FastGelu", {"T": f"{FLOATS} bfloat16"}, "X:T bias:T?", "Y:T")
since(1, "com.microsoft.FusedMatMul", {"T": f"{FLOATS} bfloat16"}, "A:T B:T", "Y:T", alpha="float=1", transA="int=0", transB="int=0", transBatchA="int=0", transBatchB="int=0")
since(1, "com.microsoft.GroupQueryAttention", {"T": SINGLE, "M": "int32"},
      "query:T key:T? value:T? past_key:T? past_value:T? seqlens_k:M total_sequence_length:M cos_cache:T? sin_cache:T? position_ids:int64? attention_bias:T? head_sink:T?", "output:T present_key:T present_value:T",
      do_rotary="int=0", k_quant_type="string=NONE", kv_cache_bit_width="int=0", kv_num_heads="int!", local_window_size="int=-1", num_heads="int!", qk_norm_epsilon="float=1e-06",
      qk_output="int=0", rotary_interleaved="int=0", scale="float", smooth_softmax="int=-1", softcap="float", v_quant_type="string=NONE")
since(1, "com.microsoft.MatMulNBits", {"T1": SINGLE, "T2": "uint8", "T3": f"uint8 {SINGLE}"}, "A:T1 B:T2 scales:T1 zero_points:T3? g_idx:int32? bias:T1?", "Y:T1",
      K="int!", N="int!", accuracy_level="int=0", bits="int=4", block_size="int!", weight_prepacked="int=0")
since(1, "com.microsoft.MultiHeadAttention", {"T": SINGLE, "M": "int32"}, "query:T key:T? value:T? bias:T? key_padding_mask:M? attention_bias:T? past_key:T? past_value:T?", "output:T present_key:T? present_value:T?",
      mask_filter_value="float=-10000", num_heads="int!", scale="float", unidirectional="int=0")
since(1, "com.microsoft.RotaryEmbedding", {"T": SINGLE, "M": "int64"}, "input:T position_ids:M cos_cache:T sin_cache:T", "output:T",
      interleaved="int=0", is_packed_batching="int=0", num_heads="int=0", rotary_embedding_dim="int=0", scale="float=1")
since(1, "com.microsoft.SkipLayerNormalization", {"T": SINGLE}, "input:T skip:T gamma:T beta:T? bias:T?", "output:T mean:float? inv_std_var:float? input_skip_bias_sum:T?", epsilon="float=1e-12")
since(1, "com.microsoft.SkipSimplifiedLayerNormalization", {"T": SINGLE}, "input:T skip:T gamma:T bias:T?", "output:T mean:float? inv_std_var:float? input_skip_bias_sum:T?", epsilon="float=1e-12")

# ai.onnx.preview
since(1, "ai.onnx.preview.FlexAttention", {"T": f"{FLOATS} bfloat16"}, "Q:T K:T V:T", "Y:T", prob_mod="graph", scale="float", score_mod="graph", softmax_precision="int")
BYTES = "uint8 int8"
since(1, "com.microsoft.QGemm", {"TA": BYTES, "T": "float", "TB": BYTES, "TC": "int32", "TYZ": BYTES, "TY": f"float {BYTES}"},
      "A:TA a_scale:T a_zero_point:TA B:TB b_scale:T b_zero_point:TB C:TC? y_scale:T? y_zero_point:TYZ?", "Y:TY", alpha="float=1", transA="int=0", transB="int=0")
for name in "Add Mul".split():
    since(1, f"com.microsoft.QLinear{name}", {"T": BYTES}, "A:T A_scale:float A_zero_point:T? B:T B_scale:float B_zero_point:T? C_scale:float C_zero_point:T?", "C:T")
SCALED = "X:T X_scale:float X_zero_point:T? Y_scale:float Y_zero_point:T?"
since(1, "com.microsoft.QLinearAveragePool", {"T": BYTES}, SCALED, "Y:T",
      auto_pad="string=NOTSET", ceil_mode="int=0", channels_last="int=0", count_include_pad="int=0", kernel_shape="ints!", pads="ints", strides="ints")
since(1, "com.microsoft.QLinearConcat", {"T8": BYTES, "TF": "float"}, "Y_scale:TF Y_zero_point:T8 inputs:T8*", "Y:T8", axis="int!")
since(1, "com.microsoft.QLinearGlobalAveragePool", {"T": BYTES}, SCALED, "Y:T", channels_last="int=0")
since(1, "com.microsoft.QLinearLeakyRelu", {"T": BYTES}, SCALED, "Y:T", alpha="float=0.01")
since(1, "com.microsoft.QLinearSigmoid", {"T": BYTES}, SCALED, "Y:T")
since(1, "com.microsoft.QLinearSoftmax", {"T": BYTES}, SCALED, "Y:T", axis="int=-1", opset="int!")
since(1, "com.microsoft.QLinearWhere", {"T": BYTES}, "condition:bool X:T x_scale:float x_zero_point:T Y:T y_scale:float y_zero_point:T z_scale:float z_zero_point:T", "Z:T")

since(1, "com.microsoft.Attention", {"T": SINGLE, "M": "int32"}, "input:T weights:T bias:T? mask_index:M? past:T? attention_bias:T? past_sequence_length:M?", "output:T present:T?",
      do_rotary="int=0", mask_filter_value="float=-10000", num_heads="int!", past_present_share_buffer="int=0", qkv_hidden_sizes="ints", rotary_embedding_dim="int=0", scale="float", unidirectional="int=0")
RECURRENT = {"activation_alpha": "floats", "activation_beta": "floats", "activations": "strings", "clip": "float", "direction": "string=forward", "hidden_size": "int", "input_forget": "int=0"}
since(1, "com.microsoft.DynamicQuantizeLSTM", {"T": "float", "T1": "int32", "T2": BYTES},
      "X:T W:T2 R:T2 B:T? sequence_lens:T1? initial_h:T? initial_c:T? P:T? W_scale:T W_zero_point:T2 R_scale:T R_zero_point:T2", "Y:T? Y_h:T? Y_c:T?", **RECURRENT)
since(1, "com.microsoft.DynamicQuantizeMatMul", {"T1": "float", "T2": BYTES}, "A:T1 B:T2 b_scale:T1 b_zero_point:T2? bias:T1?", "Y:T1")
since(1, "com.microsoft.EmbedLayerNormalization", {"T1": "int32", "T": "float float16"},
      "input_ids:T1 segment_ids:T1? word_embedding:T position_embedding:T segment_embedding:T? gamma:T beta:T mask:T1? position_ids:T1?", "output:T mask_index:T1? embedding_sum:T?",
      epsilon="float=1e-12", mask_index_type="int=0")
since(1, "com.microsoft.FusedConv", {"T": FLOATS}, "X:T W:T B:T? Z:T?", "Y:T",
      activation="string", activation_params="floats", auto_pad="string=NOTSET", dilations="ints", group="int=1", kernel_shape="ints", pads="ints", strides="ints")
since(1, "com.microsoft.FusedGemm", {"T": f"{FLOATS} uint32 uint64 int32 int64"}, "A:T B:T C:T?", "Y:T",
      activation="string", activation_alpha="float", activation_beta="float", activation_gamma="float", alpha="float=1", beta="float=1", transA="int=0", transB="int=0")
since(1, "com.microsoft.GatherBlockQuantized", {"T1": "int4 uint4 uint8", "T2": SINGLE, "Tind": "int32 int64"}, "data:T1 indices:Tind scales:T2 zero_points:T1?", "output:T2",
      bits="int=4", block_size="int=128", gather_axis="int=0", quantize_axis="int=1")
since(1, "com.microsoft.MatMulIntegerToFloat", {"T1": BYTES, "T2": BYTES, "T3": "float float16"}, "A:T1 B:T2 a_scale:T3 b_scale:T3 a_zero_point:T1? b_zero_point:T2? bias:T3?", "Y:T3")
since(1, "com.microsoft.QAttention", {"T1": BYTES, "T2": BYTES, "T3": "float float16", "T4": "int32"},
      "input:T1 weight:T2 bias:T3 input_scale:T3 weight_scale:T3 mask_index:T4? input_zero_point:T1? weight_zero_point:T2? past:T3?", "output:T3 present:T3?",
      do_rotary="int=0", mask_filter_value="float=-10000", num_heads="int!", past_present_share_buffer="int=0", scale="float", unidirectional="int=0")

since(1, "com.microsoft.BiasAdd", {"T": "float16 float"}, "X:T bias:T skip:T", "Y:T")
since(1, "com.microsoft.BiasSplitGelu", {"T": "float16 float"}, "X:T bias:T", "Y:T")
since(1, "com.microsoft.DequantizeLinear", {"T1": "int8 uint8 int16 uint16 int32 int4 uint4", "T2": "float16 float"}, "x:T1 x_scale:T2 x_zero_point:T1?", "y:T2", axis="int")
since(1, "com.microsoft.FusedMatMulActivation", {"T": f"{FLOATS} bfloat16"}, "A:T B:T", "Y:T", activation="string!", activation_alpha="float", activation_axis="int", activation_beta="float", activation_gamma="float",
      alpha="float=1", transA="int=0", transB="int=0", transBatchA="int=0", transBatchB="int=0")
since(1, "com.microsoft.GatherND", {"T": ALL, "Tind": "int32 int64"}, "data:T indices:Tind", "output:T")
since(1, "com.microsoft.GemmFastGelu", {"T": SINGLE}, "X:T W:T bias:T?", "Y:T")
since(1, "com.microsoft.GroupNorm", {"T": "float16 float", "M": "float16 float"}, "X:T gamma:M beta:M", "Y:T", activation="int!", channels_last="int=1", epsilon="float=1e-05", groups="int!")
CONV = {"auto_pad": "string=NOTSET", "dilations": "ints", "group": "int=1", "kernel_shape": "ints", "pads": "ints", "strides": "ints"}
since(1, "com.microsoft.NhwcConv", {"T": FLOATS}, "X:T W:T B:T?", "Y:T", **CONV)
since(1, "com.microsoft.NhwcFusedConv", {"T": "float16 float"}, "X:T W:T B:T? Z:T?", "Y:T", activation="string", activation_params="floats", **CONV)
since(1, "com.microsoft.NhwcMaxPool", {"T": BYTES}, "x:T", "y:T", auto_pad="string=NOTSET", ceil_mode="int=0", dilations="ints", kernel_shape="ints!", pads="ints", strides="ints")
since(1, "com.microsoft.QEmbedLayerNormalization", {"T1": "int32", "T2": BYTES, "T": "float"},
      "input_ids:T1 segment_ids:T1? word_embedding_quant:T2 position_embedding_quant:T2 segment_embedding:T2? gamma_quant:T2 beta_quant:T2 mask:T1? word_embedding_scale:T position_embedding_scale:T segment_embedding_scale:T? "
      "gamma_scale:T beta_scale:T word_embedding_zero_point:T2 position_embedding_zero_point:T2 segment_embedding_zero_point:T2? gamma_zero_point:T2 beta_zero_point:T2", "layernorm_out:T mask_index_out:T1", epsilon="float=1e-12")
since(1, "com.microsoft.QLinearConv", {"T1": BYTES, "T2": BYTES, "T3": BYTES, "T4": "int32"}, "x:T1 x_scale:float x_zero_point:T1 w:T2 w_scale:float w_zero_point:T2 y_scale:float y_zero_point:T3 B:T4?", "y:T3", channels_last="int=0", **CONV)
since(1, "com.microsoft.QuantizeLinear", {"T1": "float16 float", "T2": "int8 uint8 int16 uint16 int4 uint4"}, "x:T1 y_scale:T1 y_zero_point:T2?", "y:T2", axis="int")
since(1, "com.microsoft.Range", {"T": "float double int16 int32 int64"}, "start:T limit:T delta:T?", "Y:T")
since(1, "com.microsoft.SkipGroupNorm", {"T": "float16 float", "M": "float16 float"}, "X:T gamma:M beta:M skip:T bias:T?", "Y:T S:T?", activation="int!", channels_last="int=1", epsilon="float=1e-05", groups="int!")
since(1, "com.microsoft.TransposeMatMul", {"T": f"{FLOATS} bfloat16"}, "A:T B:T", "Y:T", alpha="float=1", transA="int=0", transB="int=0")
since(1, "com.microsoft.Trilu", {"T": f"{NUMBERS} bfloat16 bool"}, "X:T k:int64?", "Y:T", upper="int=1")

# Of the rest, what ONNX Runtime's optimizers and its builder of language models write
HALVES = "float float16"
since(1, "com.microsoft.BiasDropout", {"T": f"{FLOATS} bfloat16", "T1": f"{FLOATS} bfloat16", "T2": "bool"}, "data:T bias:T residual:T? ratio:T1? training_mode:T2?", "output:T mask:T2?", seed="int")
since(1, "com.microsoft.BiasSoftmax", {"T": FLOATS}, "data:T bias:T", "output:T", axis="int=1", is_inner_broadcast="int!")
since(1, "com.microsoft.CDist", {"T": "float double"}, "A:T B:T", "C:T", metric="string!")
since(1, "com.microsoft.CausalConvWithState", {"T": SINGLE}, "input:T weight:T bias:T? past_state:T?", "output:T present_state:T",
      activation="string=none", channels_last="int=0", dilation="int=1", ndim="int=1", state_window="int=0")
for name in "ComplexMul ComplexMulConj".split():
    since(1, f"com.microsoft.{name}", {"T": FLOATS}, "A:T B:T", "C:T")
since(1, "com.microsoft.ConvTransposeWithDynamicPads", {"T": FLOATS}, "X:T W:T Pads:int64? B:T?", "Y:T",
      auto_pad="string=NOTSET", dilations="ints", group="int=1", kernel_shape="ints", output_padding="ints", strides="ints")
since(1, "com.microsoft.DecoderMaskedMultiHeadAttention", {"T": HALVES, "M": "int32", "QK": HALVES},
      "query:T key:T? value:T? mask_index:M? attention_bias:T? past_key:T? past_value:T? past_sequence_length:M? beam_width:M? cache_indirection:M? bias:T?", "output:T present_key:T? present_value:T? qk:QK?",
      mask_filter_value="float=-10000", num_heads="int!", output_qk="int=0", past_present_share_buffer="int=0", scale="float")
since(1, "com.microsoft.ExpandDims", {"T": ALL}, "X:T axis:int32", "Y:T")
since(1, "com.microsoft.GatedAdd", {"T": SINGLE}, "X:T Y:T gate:T", "output:T")
since(1, "com.microsoft.GatedRMSNorm", {"T": SINGLE}, "X:T scale:T gate:T", "Y:T", activation="string=silu", epsilon="float=1e-05")
since(1, "com.microsoft.GatedRelativePositionBias", {"T": HALVES, "M": "int32"}, "query_layer:T query_bias:T rel_pos:T weight:T bias:T eco_a:T token_offset:M?", "output:T", num_heads="int!")
since(1, "com.microsoft.GemmaRotaryEmbedding", {"T": "float16", "U": "float"}, "emb:U q:T q_rot:T k:T k_rot:T", "output1:T output2:T")
since(1, "com.microsoft.GridSample", {"T1": ALL, "T2": FLOATS}, "X:T1 Grid:T1", "Y:T2", align_corners="int=0", mode="string=bilinear", padding_mode="string=zeros")
since(1, "com.microsoft.Inverse", {"T": FLOATS}, "X:T", "Y:T")
since(1, "com.microsoft.LinearAttention", {"T": SINGLE, "S": SINGLE}, "query:T key:T value:T past_state:S? decay:T? beta:T?", "output:T present_state:S",
      chunk_size="int=64", kv_num_heads="int!", q_num_heads="int!", scale="float=0", state_window="int=0", update_rule="string=gated_delta")
since(1, "com.microsoft.LinearAttentionGate", {"T": SINGLE, "TF": "float"}, "a:T dt_bias:TF decay_scale:TF b:T?", "decay:T beta:T?")
since(1, "com.microsoft.MRotaryEmbedding", {"T": SINGLE, "M": "int64"}, "input:T position_ids:M cos_cache:T sin_cache:T", "output:T",
      interleaved="int=0", is_packed_batching="int=0", mrope_layout="int=0", mrope_section="ints!", num_heads="int=0", rotary_embedding_dim="int=0", scale="float=1")
since(1, "com.microsoft.MatMulBnb4", {"T1": SINGLE, "T2": "uint8"}, "A:T1 B:T2 absmax:T1", "Y:T1", K="int!", N="int!", block_size="int!", quant_type="int!", training_mode="int=0", transB="int=1")
since(1, "com.microsoft.MatMulInteger16", {"T1": "int16 uint16", "T2": "int16 uint16", "T3": "int32 uint32"}, "A:T1 B:T2", "Y:T3")
EXPERTS = {"activation_alpha": "float", "activation_beta": "float", "activation_type": "string=relu", "k": "int=1", "normalize_routing_weights": "int=0", "swiglu_fusion": "int=0", "swiglu_limit": "float", "use_sparse_mixer": "int=0"}
since(1, "com.microsoft.MoE", {"T": SINGLE},
      "input:T router_probs:T fc1_experts_weights:T fc1_experts_bias:T? fc2_experts_weights:T fc2_experts_bias:T? fc3_experts_weights:T? fc3_experts_bias:T?", "output:T", **EXPERTS)
since(1, "com.microsoft.QMoE", {"T": SINGLE, "T1": "uint8 float8e4m3fn", "T2": f"{SINGLE} float8e8m0 float8e4m3fn", "T4": "float"},
      "input:T router_probs:T fc1_experts_weights:T1 fc1_scales:T2? fc1_experts_bias:T? fc2_experts_weights:T1 fc2_scales:T2? fc2_experts_bias:T? fc3_experts_weights:T1? fc3_scales:T2? fc3_experts_bias:T? "
      "fc1_zero_points:T1? fc2_zero_points:T1? fc3_zero_points:T1? router_weights:T? fc1_global_scale:T4? fc2_global_scale:T4? fc1_act_scale:T4? fc2_act_scale:T4? fc1_act_block_scale:T2? fc2_act_block_scale:T2?", "output:T",
      accuracy_level="int=0", block_size="int", expert_weight_bits="int=4", quant_type="string=int", weights_prepacked="int=-1", **EXPERTS)
since(1, "com.microsoft.NGramRepeatBlock", {"Tid": "int64", "T": "float"}, "input_ids:Tid scores:T", "scores_out:T", ngram_size="int!")
since(1, "com.microsoft.PackedAttention", {"T": HALVES, "M": "int32"}, "input:T weights:T bias:T token_offset:M cumulative_sequence_length:M attention_bias:T?", "output:T",
      num_heads="int!", qkv_hidden_sizes="ints", scale="float")
since(1, "com.microsoft.PackedMultiHeadAttention", {"T": HALVES, "M": "int32"}, "query:T key:T? value:T? bias:T? token_offset:M cumulative_sequence_length:M attention_bias:T?", "output:T",
      mask_filter_value="float=-10000", num_heads="int!", scale="float")
since(1, "com.microsoft.Pad", {"T": FLOATS}, "data:T pads:int64 value:T?", "output:T", mode="string=constant")
since(1, "com.microsoft.RelativePositionBias", {"T": HALVES, "U": "int64"}, "bias_table:T query_length:U key_length:U", "output:T", is_bidirectional="int=0", max_distance="int!")
since(1, "com.microsoft.RemovePadding", {"T": HALVES, "M": "int32"}, "input:T sequence_token_count:M", "output:T token_offset:M cumulated_seq_len:M max_seq_len:M")
since(1, "com.microsoft.RestorePadding", {"T": HALVES, "M": "int32"}, "input:T token_offset:M", "output:T")
for name in "Rfft Irfft".split():
    since(1, f"com.microsoft.{name}", {"T": FLOATS}, "X:T", "Y:T", normalized="int=0", onesided="int=1", signal_ndim="int!" if name == "Irfft" else "int=1")
since(1, "com.microsoft.SparseAttention", {"T": SINGLE, "M": "int32"},
      "query:T key:T? value:T? past_key:T past_value:T block_row_indices:M block_col_indices:M total_sequence_length:M key_total_sequence_lengths:M cos_cache:T? sin_cache:T?", "output:T present_key:T present_value:T",
      do_rotary="int=0", kv_num_heads="int!", num_heads="int!", rotary_interleaved="int=0", scale="float", sparse_block_size="int!")
since(1, "com.microsoft.TorchEmbedding", {"T": f"{NUMBERS} bfloat16"}, "weight:T indices:int64 padding_idx:int64? scale_grad_by_freq:bool?", "Y:T")
since(1, "com.microsoft.UnfoldTensor", {"T": IR4}, "input:T", "output:T", dim="int=-1", size="int!", step="int=1")
since(1, "com.microsoft.Unique", {"T": ALL}, "x:T", "y:T idx:int64 counts:int64")

lines = []
for name in sorted(schemas):
    versions = schemas[name]
    for index, schema in enumerate(versions):
        until = versions[index + 1].version - 1 if index + 1 < len(versions) else NEWEST
        if until >= OLDEST and schema.version <= NEWEST:
            lines.append(schema.line())
head = "# Made by schemas.py, which says what a line means. Do not edit.\n\n"
pathlib.Path(__file__).with_name("schemas.txt").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
