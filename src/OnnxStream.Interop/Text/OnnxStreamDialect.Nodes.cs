using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Text;

// Single nodes: other versions of operators become those that the format means.
internal sealed partial class OnnxStreamDialect
{
    // Operators that are younger than what the format means.
    private static readonly Dictionary<string, int> s_younger = new()
    {
        ["BitwiseAnd"] = 18,
        ["BitwiseNot"] = 18,
        ["BitwiseOr"] = 18,
        ["BitwiseXor"] = 18,
        ["CenterCropPad"] = 18,
        ["Col2Im"] = 18,
        ["GroupNormalization"] = 18,
        ["Mish"] = 18,
        ["DeformConv"] = 19,
        ["AffineGrid"] = 20,
        ["Gelu"] = 20,
        ["ImageDecoder"] = 20,
        ["RegexFullMatch"] = 20,
        ["StringConcat"] = 20,
        ["StringSplit"] = 20,
        ["Attention"] = 23,
        ["RMSNormalization"] = 23,
        ["RotaryEmbedding"] = 23,
        ["Swish"] = 24,
        ["TensorScatter"] = 24,
    };

    // Operators whose outputs are all made, however few are read.
    private static readonly HashSet<string> s_requiredOutputs = ["Split", "TopK", "Unique"];

    // Inputs that take integers of any type, whatever the type of other inputs.
    private static readonly HashSet<(string OperatorType, int Input)> s_indices =
        [("Cast", 0), ("CumSum", 1), ("Gather", 1), ("GatherElements", 1), ("ScatterElements", 1)];

    private void RewriteNode(Node source)
    {
        NodeDraft node = new(source, source.Inputs.Select(input => input is null ? null : Resolve(input)));
        int problems = _problems.Count;
        if (source.Domain.Length > 0)
        {
            Problem(node, $"the format has no operators of the domain '{source.Domain}'");
            return;
        }

        if (s_younger.TryGetValue(source.OperatorType, out int since))
        {
            Problem(node, $"the format means operator set {OnnxStreamReader.OperatorSet}, and this operator came with {since}");
            return;
        }

        if (source.Attributes.All.Values.Any(value => value is Graph))
        {
            Problem(node, "the format has no graphs in attributes");
            return;
        }

        if (IsPassedThrough(node))
        {
            if (node.Input(0) is not { } input)
            {
                Problem(node, "its input is missing");
            }
            else if (source.Outputs[0] is { } output)
            {
                _aliases.Add(output, input);
            }

            return;
        }

        if (node.OperatorSet < 6)
        {
            // It said which inputs an implementation may overwrite.
            node.Attributes.Remove("consumed_inputs");
        }

        ElementType castTo = Convert(node);
        if (_problems.Count == problems && !Decompose(node))
        {
            Emit(node, castTo);
        }
    }

    private bool IsPassedThrough(NodeDraft node)
    {
        bool hasOneOutput = !node.Source.Outputs.Skip(1).Any(output => output is not null && _read.Contains(output));
        return node.OperatorType switch
        {
            "Identity" => true,
            "Dropout" => hasOneOutput && node.Input(2) is null,
            "Cast" => (node.Input(0) is not { } input || IsFloat(TypeOf(input))) && node.Attributes.GetValueOrDefault("to") is long to && IsFloat((ElementType)to),
            "ReduceMax" or "ReduceMean" or "ReduceMin" or "ReduceProd" or "ReduceSum" => ReducesNothing(node),
            _ => false,
        };

        static bool IsFloat(ElementType type) => type is ElementType.Float32 or ElementType.Float16;
    }

    private static bool ReducesNothing(NodeDraft node) =>
        node.Attributes.GetValueOrDefault("noop_with_empty_axes") is 1L && !node.Attributes.ContainsKey("axes") && node.Input(1) is null or { Constant.Type.Shape.ElementCount: 0 };

    // Returns the type that a Cast behind the node must bring back; Undefined for none.
    private ElementType Convert(NodeDraft node)
    {
        switch (node.OperatorType)
        {
            case "Add" or "And" or "Div" or "Equal" or "Greater" or "Less" or "Mul" or "Or" or "Pow" or "PRelu" or "Sub" or "Xor" or "Gemm" when node.OperatorSet < 7:
                if (node.Attributes.Remove("axis"))
                {
                    Problem(node, "before operator set 7, 'axis' aligned the second input, which the format does not know");
                }

                node.Attributes.Remove("broadcast");
                ConvertPower(node);
                break;
            case "Pow":
                ConvertPower(node);
                break;
            case "Transpose":
                if (node.Input(0)?.Declared?.Dimensions is { } turned)
                {
                    node.Attributes.TryAdd("perm", Enumerable.Range(0, turned.Count).Select(i => (long)(turned.Count - 1 - i)).ToArray());
                }

                break;
            case "Trilu":
                node.Attributes.TryAdd("upper", 1L);
                if (node.Input(1) is null)
                {
                    node.SetInput(1, NewConstant($"{node.Source.Outputs[0]!.Name}.k", ElementType.Int64, [], BitConverter.GetBytes(0L)));
                }

                break;
            case "BatchNormalization" when node.OperatorSet < 7:
                // It said whether the other outputs are made, and they are not where nobody reads them.
                node.Attributes.Remove("is_test");
                break;
            case "Cast":
                node.Attributes.Remove("saturate");
                if (node.Attributes.GetValueOrDefault("to") is (long)ElementType.Float16)
                {
                    node.Attributes["to"] = (long)ElementType.Float32;
                }

                break;
            case "Clip" when node.OperatorSet < 11:
                MoveRealToInput(node, "min", 1, float.MinValue);
                MoveRealToInput(node, "max", 2, float.MaxValue);
                break;
            case "Constant":
                ConvertConstant(node);
                break;
            case "ConstantOfShape":
                return ConvertConstantOfShape(node);
            case "AveragePool" or "LpPool" or "MaxPool":
                ConvertPool(node);
                break;
            case "Conv":
                ConvertConv(node);
                break;
            case "GridSample" when node.OperatorSet >= 20:
                node.Attributes["mode"] = node.Attributes.GetValueOrDefault("mode") switch
                {
                    null or "linear" => "bilinear",
                    "cubic" => "bicubic",
                    object mode => mode,
                };
                break;
            case "Pad":
                ConvertPad(node);
                break;
            case "ReduceSum" when node.OperatorSet < 13:
            case "Squeeze" or "Unsqueeze" when node.OperatorSet < 13:
                MoveIntegersToInput(node, "axes", 1);
                break;
            case "ReduceL1" or "ReduceL2" or "ReduceLogSum" or "ReduceLogSumExp" or "ReduceMax" or "ReduceMean" or "ReduceMin" or "ReduceProd" or "ReduceSumSquare":
                if (ReducesNothing(node))
                {
                    Problem(node, "without axes to reduce, it is not what the format means");
                }

                MoveInputToAttribute(node, 1, "axes");
                node.Attributes.Remove("noop_with_empty_axes");
                break;
            case "Reshape":
                RemoveDefault(node, "allowzero", 0L);
                break;
            case "Resize" or "Upsample":
                ConvertResize(node);
                break;
            case "Scatter":
                node.OperatorType = "ScatterElements";
                break;
            case "ScatterElements" or "ScatterND" when node.Attributes.GetValueOrDefault("reduction") is "min" or "max":
                Problem(node, "its reduction is younger than what the format means");
                break;
            case "Slice":
                ConvertSlice(node);
                break;
            case "Softmax" or "LogSoftmax" or "Hardmax" when node.OperatorSet < 13:
                ConvertSoftmax(node);
                break;
            case "Split":
                ConvertSplit(node);
                break;
            case "TopK" when node.OperatorSet < 10:
                if (node.Attributes.Remove("k", out object? k))
                {
                    node.SetInput(1, NewConstant($"{node.Source.Outputs[0]!.Name}.k", (long)k));
                }

                break;
        }

        return ElementType.Undefined;
    }

    private void ConvertConstant(NodeDraft node)
    {
        Constant? constant = node.Attributes.FirstOrDefault(attribute => attribute.Key.StartsWith("value", StringComparison.Ordinal)).Value switch
        {
            Constant tensor => tensor,
            long integer => Constant.FromData(new TensorType(ElementType.Int64, Shape.Scalar), BitConverter.GetBytes(integer)),
            float real => Constant.FromData(new TensorType(ElementType.Float32, Shape.Scalar), BitConverter.GetBytes(real)),
            long[] integers => Constant.FromData(new TensorType(ElementType.Int64, new Shape(integers.Length)), MemoryMarshal.AsBytes<long>(integers).ToArray()),
            float[] reals => Constant.FromData(new TensorType(ElementType.Float32, new Shape(reals.Length)), MemoryMarshal.AsBytes<float>(reals).ToArray()),
            _ => null,
        };
        if (constant is null)
        {
            Problem(node, "the format has no texts and no sparse tensors");
            return;
        }

        Value output = node.Source.Outputs[0]!;
        output.Constant = constant;
        node.OperatorType = "";
    }

    private static ElementType ConvertConstantOfShape(NodeDraft node)
    {
        Constant value = node.Attributes.GetValueOrDefault("value") as Constant ?? Constant.FromData(new TensorType(ElementType.Float32, new Shape(1)), new byte[sizeof(float)]);
        ElementType type = value.Type.ElementType;
        if (type == ElementType.Float16)
        {
            value = Constant.FromData(value.Type with { ElementType = ElementType.Float32 }, BitConverter.GetBytes((float)BitConverter.ToHalf(value.Data)));
        }

        node.Attributes["value"] = value;
        if (!IsNarrowInteger(type))
        {
            return ElementType.Undefined;
        }

        node.Attributes["value"] = Constant.FromData(value.Type with { ElementType = ElementType.Int64 }, WeightCopier.ToBytes(value, ElementType.Int64));
        return type;
    }

    private static void ConvertConv(NodeDraft node)
    {
        if (node.Input(1)?.Declared?.Dimensions is not { Count: > 2 } weight || !weight.All(dimension => dimension.IsKnown))
        {
            return;
        }

        // What ONNX leaves out the original wants to read.
        int space = weight.Count - 2;
        RemoveDefault(node, "auto_pad", "NOTSET");
        node.Attributes.TryAdd("dilations", Enumerable.Repeat(1L, space).ToArray());
        node.Attributes.TryAdd("group", 1L);
        node.Attributes.TryAdd("kernel_shape", weight.Skip(2).Select(dimension => dimension.Value).ToArray());
        node.Attributes.TryAdd("strides", Enumerable.Repeat(1L, space).ToArray());
        WritePads(node, space);
    }

    // The original wants to read these, too.
    private static void ConvertPool(NodeDraft node)
    {
        if (node.Attributes.GetValueOrDefault("kernel_shape") is not long[] kernel)
        {
            return;
        }

        node.Attributes.TryAdd("strides", Enumerable.Repeat(1L, kernel.Length).ToArray());
        if (node.OperatorType == "MaxPool")
        {
            node.Attributes.TryAdd("dilations", Enumerable.Repeat(1L, kernel.Length).ToArray());
        }

        WritePads(node, kernel.Length);
    }

    // Where auto_pad says how much to pad, and that is the same for all inputs, numbers say it.
    private static void WritePads(NodeDraft node, int space)
    {
        RemoveDefault(node, "auto_pad", "NOTSET");
        switch (node.Attributes.GetValueOrDefault("auto_pad"))
        {
            case null:
                node.Attributes.TryAdd("pads", new long[2 * space]);
                return;
            case "VALID":
                node.Attributes.Remove("auto_pad");
                node.Attributes["pads"] = new long[2 * space];
                return;
        }

        if (node.Attributes.GetValueOrDefault("auto_pad") is not ("SAME_UPPER" or "SAME_LOWER") || node.Input(0)?.Declared?.Dimensions is not { } input || input.Count != space + 2 ||
            node.Attributes.GetValueOrDefault("kernel_shape") is not long[] kernel || node.Attributes.GetValueOrDefault("strides") is not long[] strides || kernel.Length != space || strides.Length != space)
        {
            return;
        }

        long[] dilations = node.Attributes.GetValueOrDefault("dilations") as long[] ?? [.. Enumerable.Repeat(1L, space)];
        long[] pads = new long[2 * space];
        for (int i = 0; i < space; i++)
        {
            long window = ((kernel[i] - 1) * dilations[i]) + 1;
            if (!input[i + 2].IsKnown && strides[i] != 1)
            {
                return;
            }

            long rest = input[i + 2].IsKnown ? (input[i + 2].Value - 1) % strides[i] : 0;
            long total = Math.Max(0, window - 1 - rest);
            long small = total / 2;
            (pads[i], pads[i + space]) = node.Attributes["auto_pad"] is "SAME_UPPER" ? (small, total - small) : (total - small, small);
        }

        node.Attributes.Remove("auto_pad");
        node.Attributes["pads"] = pads;
    }

    // The original raises to real powers only.
    private void ConvertPower(NodeDraft node)
    {
        if (node.OperatorType != "Pow" || node.Input(0) is not { } number || TypeOf(number) is not (ElementType.Float32 or ElementType.Float16) || node.Input(1) is not { } exponent || !(exponent.Constant?.Type.ElementType ?? TypeOf(exponent)).IsInteger())
        {
            return;
        }

        string name = $"{exponent.Name}.float";
        if (exponent.Constant is { Data: not null } constant)
        {
            long[] powers = MemoryMarshal.Cast<byte, long>(WeightCopier.ToBytes(constant, ElementType.Int64)).ToArray();
            float[] reals = [.. powers.Select(power => (float)power)];
            node.SetInput(1, NewConstant(name, ElementType.Float32, constant.Type.Shape.ToArray(), MemoryMarshal.AsBytes<float>(reals)));
        }
        else
        {
            node.SetInput(1, AddCast(exponent, name, ElementType.Float32));
        }
    }

    private void ConvertPad(NodeDraft node)
    {
        if (node.OperatorSet < 11)
        {
            MoveIntegersToInput(node, "pads", 1);
            MoveRealToInput(node, "value", 2, null);
            return;
        }

        if (node.Attributes.GetValueOrDefault("mode") is "wrap")
        {
            Problem(node, "the mode 'wrap' is younger than what the format means");
        }

        if (node.Input(3) is not { } axesInput)
        {
            return;
        }

        if (Integers(axesInput) is not { } axes || Integers(node.Input(1)) is not { } pads || node.Input(0)?.Declared?.Dimensions?.Count is not { } rank || pads.Length != 2 * axes.Length)
        {
            Problem(node, "the format pads all axes, and which ones to leave out is not known before it runs");
            return;
        }

        long[] all = new long[2 * rank];
        for (int i = 0; i < axes.Length; i++)
        {
            long axis = axes[i] < 0 ? axes[i] + rank : axes[i];
            all[axis] = pads[i];
            all[axis + rank] = pads[i + axes.Length];
        }

        node.SetInput(1, NewConstant($"{node.Source.Outputs[0]!.Name}.pads", all));
        node.SetInput(3, null);
    }

    private void ConvertResize(NodeDraft node)
    {
        if (node.OperatorType == "Upsample" || node.OperatorSet < 11)
        {
            // Both compute coordinates without an offset, and take the element before them.
            node.OperatorType = "Resize";
            if (node.Attributes.Remove("scales", out object? scales) && scales is float[] factors)
            {
                node.SetInput(1, NewConstant($"{node.Source.Outputs[0]!.Name}.scales", ElementType.Float32, [factors.Length], MemoryMarshal.AsBytes<float>(factors)));
            }

            node.SetInput(2, node.Input(1));
            node.SetInput(1, null);
            node.Attributes["coordinate_transformation_mode"] = "asymmetric";
            node.Attributes["nearest_mode"] = "floor";
            node.Attributes["mode"] = node.Attributes.GetValueOrDefault("mode") is "linear" or "bilinear" ? "linear" : "nearest";
            return;
        }

        // A list of nothing stands for an input that is left out; the original reads no empty files.
        for (int i = 1; i < node.Inputs.Count; i++)
        {
            if (node.Inputs[i] is { Constant.Type.Shape.ElementCount: 0 })
            {
                node.Inputs[i] = null;
            }
        }

        RemoveDefault(node, "antialias", 0L);
        RemoveDefault(node, "keep_aspect_ratio_policy", "stretch");
        if (node.Attributes.ContainsKey("antialias") || node.Attributes.ContainsKey("keep_aspect_ratio_policy") || node.Attributes.ContainsKey("axes") || node.Attributes.GetValueOrDefault("coordinate_transformation_mode") is "half_pixel_symmetric")
        {
            Problem(node, "antialias, axes, keep_aspect_ratio_policy and half_pixel_symmetric are younger than what the format means");
        }
    }

    private void ConvertSlice(NodeDraft node)
    {
        MoveIntegersToInput(node, "starts", 1);
        MoveIntegersToInput(node, "ends", 2);
        MoveIntegersToInput(node, "axes", 3);
        if (!node.Inputs.Skip(1).All(input => input is null or { Constant: not null }))
        {
            return;
        }

        node.AreIndices = true;
        if (node.Input(3) is null && node.Input(1)?.Constant is { } starts)
        {
            // The original takes the last axes where ONNX takes the first.
            node.SetInput(3, NewConstant($"{node.Source.Outputs[0]!.Name}.axes", [.. Enumerable.Range(0, (int)starts.Type.Shape.ElementCount).Select(axis => (long)axis)]));
        }
    }

    // Before operator set 13, everything from the axis on was one row.
    private void ConvertSoftmax(NodeDraft node)
    {
        long axis = node.Attributes.GetValueOrDefault("axis") as long? ?? 1;
        IReadOnlyList<Dimension>? dimensions = node.Input(0)?.Declared?.Dimensions;
        axis = axis < 0 && dimensions is not null ? axis + dimensions.Count : axis;
        if (axis != -1 && (dimensions is null || !dimensions.Skip((int)axis + 1).All(dimension => dimension.Value == 1)))
        {
            Problem(node, $"before operator set 13 it takes everything from axis {axis} on as one row, which the format does not know");
        }

        node.Attributes["axis"] = axis;
    }

    private void ConvertSplit(NodeDraft node)
    {
        // The defaults differ between ONNX and the original.
        node.Attributes.TryAdd("axis", 0L);
        MoveIntegersToInput(node, "split", 1);
        bool hasCount = node.Attributes.Remove("num_outputs");
        if (node.Input(1) is not null)
        {
            return;
        }

        int axis = (int)(long)node.Attributes["axis"];
        long[] sizes = new long[node.Source.Outputs.Length];
        for (int i = 0; i < sizes.Length; i++)
        {
            IReadOnlyList<Dimension>? dimensions = node.Source.Outputs[i]?.Declared?.Dimensions;
            int index = axis < 0 ? axis + (dimensions?.Count ?? 0) : axis;
            sizes[i] = dimensions is not null && index >= 0 && index < dimensions.Count ? dimensions[index].Value : -1;
        }

        if (sizes.All(size => size >= 0))
        {
            node.SetInput(1, NewConstant($"{node.Source.Outputs[0]?.Name}.split", sizes));
        }
        else if (hasCount)
        {
            Problem(node, "the sizes of its parts are not known before it runs, and the format has no 'num_outputs'");
        }
    }

    private void MoveIntegersToInput(NodeDraft node, string attribute, int input)
    {
        if (node.Attributes.Remove(attribute, out object? value) && value is long[] integers)
        {
            node.SetInput(input, NewConstant($"{node.Source.Outputs[0]?.Name}.{attribute}", integers));
        }
    }

    private void MoveRealToInput(NodeDraft node, string attribute, int input, float? unlessEqual)
    {
        if (node.Attributes.Remove(attribute, out object? value) && value is float real && real != unlessEqual)
        {
            node.SetInput(input, NewConstant($"{node.Source.Outputs[0]?.Name}.{attribute}", ElementType.Float32, [], BitConverter.GetBytes(real)));
        }
    }

    private void MoveInputToAttribute(NodeDraft node, int input, string attribute)
    {
        if (node.Input(input) is not { } value)
        {
            return;
        }

        if (Integers(value) is { } integers)
        {
            node.SetInput(input, null);
            if (integers.Length > 0)
            {
                node.Attributes[attribute] = integers;
            }
        }
        else
        {
            Problem(node, $"its '{attribute}' are computed, and the format knows them as an attribute only");
        }
    }

    private static void RemoveDefault(NodeDraft node, string attribute, object value)
    {
        if (Equals(node.Attributes.GetValueOrDefault(attribute), value))
        {
            node.Attributes.Remove(attribute);
        }
    }

    private static long[]? Integers(Value? value) =>
        value?.Constant is { Data: { } data, Type.ElementType: ElementType.Int64 } ? MemoryMarshal.Cast<byte, long>(data).ToArray() : null;

    private void Emit(NodeDraft node, ElementType castTo)
    {
        if (node.OperatorType.Length == 0)
        {
            return;
        }

        for (int i = 0; i < node.Inputs.Count; i++)
        {
            if (node.Inputs[i] is { Constant: not null } constant)
            {
                bool isKernel = node.OperatorType == "Conv" && i < 2 && constant.Constant!.Type.Shape.Rank is 3 or 4;
                bool isIndex = (node.AreIndices && i > 0) || s_indices.Contains((node.OperatorType, i));
                node.Inputs[i] = Weight(constant, isKernel ? WeightForm.Convolution : node.Forms.GetValueOrDefault(i), isIndex, $"{node.Source}");
            }
        }

        while (node.Inputs.Count > 0 && node.Inputs[^1] is null)
        {
            node.Inputs.RemoveAt(node.Inputs.Count - 1);
        }

        List<Value?> outputs = [.. node.Source.Outputs];
        while (outputs.Count > 1 && (outputs[^1] is null || (!_read.Contains(outputs[^1]!) && !s_requiredOutputs.Contains(node.OperatorType))))
        {
            outputs.RemoveAt(outputs.Count - 1);
        }

        foreach (Value? output in outputs)
        {
            if (output is not null && TypeOf(output) is ElementType.Float64 or ElementType.BFloat16 or ElementType.UInt64 or ElementType.String)
            {
                Problem(node, $"its output '{output.Name}' has elements of type {TypeOf(output).ToOnnxName()}, which the format does not know");
            }
        }

        foreach ((string key, object value) in node.Attributes)
        {
            if (AttributeTable.IsDefaultElsewhere("", node.OperatorType, OnnxStreamReader.OperatorSet, key, value))
            {
                node.Attributes.Remove(key);
            }
            else if (!AttributeChecker.IsKnown("", node.OperatorType, OnnxStreamReader.OperatorSet, key))
            {
                Problem(node, $"the format means operator set {OnnxStreamReader.OperatorSet}, in which there is no attribute '{key}'");
            }
            else if (AttributeText.Format(node.OperatorType, key, value) is null)
            {
                Problem(node, $"the attribute '{key}' cannot be written");
            }
        }

        Value first = outputs[0]!;
        if (castTo != ElementType.Undefined)
        {
            outputs[0] = NewValue($"{first.Name}.int64", ElementType.Int64, first.Declared?.Dimensions);
        }

        Graph.Nodes.Add(new Node(node.OperatorType, "", OnnxStreamReader.OperatorSet, node.Source.Name, node.Inputs, outputs, new Attributes(node.Attributes)));
        if (castTo != ElementType.Undefined)
        {
            Graph.Nodes.Add(NewNode("Cast", [outputs[0]], first, ("to", (long)castTo)));
        }
    }

    private void Problem(NodeDraft node, string problem) => _problems.Add($"{node.Source}: {problem}.");

    /// <summary>A node while it is converted.</summary>
    private sealed class NodeDraft(Node source, IEnumerable<Value?> inputs)
    {
        public Node Source { get; } = source;

        public string OperatorType { get; set; } = source.OperatorType;

        public int OperatorSet => Source.OperatorSet;

        public List<Value?> Inputs { get; } = [.. inputs];

        public Dictionary<string, object> Attributes { get; } = new(source.Attributes.All);

        public Dictionary<int, WeightForm> Forms { get; } = [];

        /// <summary>Whether all inputs but the first take integers of any type.</summary>
        public bool AreIndices { get; set; }

        public Value? Input(int index) => index < Inputs.Count ? Inputs[index] : null;

        public void SetInput(int index, Value? value)
        {
            while (Inputs.Count <= index)
            {
                Inputs.Add(null);
            }

            Inputs[index] = value;
        }
    }
}
