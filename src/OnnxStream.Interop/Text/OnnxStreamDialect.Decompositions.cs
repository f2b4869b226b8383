using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Text;

// Operators that the original does not know, or not in this form, become several that it knows. The rewriter makes one of them again.
internal sealed partial class OnnxStreamDialect
{
    // Returns whether the node has been written in other words.
    private bool Decompose(NodeDraft node) => node.OperatorType switch
    {
        "BatchNormalization" => DecomposeBatchNormalization(node),
        "DequantizeLinear" => ReadQuantizedWeight(node),
        "Gemm" => DecomposeGemm(node),
        "LayerNormalization" => DecomposeLayerNormalization(node),
        _ => false,
    };

    // The original's Gemm adds a bias that is as large as the result, and multiplies by nothing.
    private bool DecomposeGemm(NodeDraft node)
    {
        Value output = node.Source.Outputs[0]!;
        float alpha = node.Attributes.GetValueOrDefault("alpha") as float? ?? 1;
        float beta = node.Attributes.GetValueOrDefault("beta") as float? ?? 1;
        bool isOneRow = output.Declared?.Dimensions is [{ Value: 1 }, _];
        bool isReal = TypeOf(output) is ElementType.Float32 or ElementType.Float16;
        if (node.Input(0) is not { } left || node.Input(1) is not { } right || !isReal)
        {
            return false;
        }

        Value leftFactor = Factor(node, left, "transA", out WeightForm leftForm);
        Value rightFactor = Factor(node, right, "transB", out WeightForm rightForm);
        if (isOneRow && alpha == 1 && beta == 1 && node.Input(2) is not null)
        {
            node.Attributes.Remove("transA");
            node.Attributes.Remove("transB");
            node.SetInput(0, leftFactor);
            node.SetInput(1, rightFactor);
            (node.Forms[0], node.Forms[1]) = (leftForm, rightForm);
            return false;
        }

        Value result = Write("MatMul", output, "product", leftFactor, leftForm, rightFactor, rightForm, isLast: alpha == 1 && node.Input(2) is null);
        if (alpha != 1)
        {
            result = Write("Mul", output, "scaled", result, NewReal($"{output.Name}.alpha", alpha), isLast: node.Input(2) is null);
        }

        if (node.Input(2) is { } bias)
        {
            if (beta != 1)
            {
                bias = Write("Mul", output, "bias", bias, NewReal($"{output.Name}.beta", beta), isLast: false);
            }

            Write("Add", output, "", result, bias, isLast: true);
        }

        return true;
    }

    // A factor as MatMul takes it: a constant is written transposed, another value is transposed in the graph.
    private Value Factor(NodeDraft node, Value factor, string attribute, out WeightForm form)
    {
        form = WeightForm.Plain;
        if (node.Attributes.GetValueOrDefault(attribute) is not long transpose || transpose == 0)
        {
            return factor;
        }

        if (factor.Constant is { Type.Shape.Rank: 2 })
        {
            form = WeightForm.Transposed;
            return factor;
        }

        Value turned = NewValue($"{factor.Name}.turned", TypeOf(factor), factor.Declared?.Dimensions?.Reverse().ToArray());
        Graph.Nodes.Add(NewNode("Transpose", [factor], turned, ("perm", new long[] { 1, 0 })));
        return turned;
    }

    // (x - mean) / sqrt(variance + epsilon) * scale + bias: as PyTorch exports it where the operator does not exist.
    private bool DecomposeLayerNormalization(NodeDraft node)
    {
        long axis = node.Attributes.GetValueOrDefault("axis") as long? ?? -1;
        bool usesMore = node.Source.Outputs.Skip(1).Any(other => other is not null && _read.Contains(other));
        if (node.Input(0) is not { Declared.Dimensions: { } dimensions } input || node.Input(1) is not { } scale || usesMore || (axis != -1 && axis != dimensions.Count - 1) || dimensions.Count == 0)
        {
            return false;
        }

        Value output = node.Source.Outputs[0]!;
        float epsilon = node.Attributes.GetValueOrDefault("epsilon") as float? ?? 1e-5f;
        Value mean = Mean(input, $"{output.Name}.mean");
        Value centered = Write("Sub", output, "centered", input, mean, isLast: false);
        Value squares = Write("Pow", output, "squares", centered, NewReal($"{output.Name}.two", 2), isLast: false);
        Value variance = Mean(squares, $"{output.Name}.variance");
        Value positive = Write("Add", output, "positive", variance, NewReal($"{output.Name}.epsilon", epsilon), isLast: false, variance.Declared!.Dimensions);
        Value deviation = NewValue($"{output.Name}.deviation", TypeOf(positive), positive.Declared!.Dimensions);
        Graph.Nodes.Add(NewNode("Sqrt", [positive], deviation));
        Value normal = Write("Div", output, "normal", centered, deviation, isLast: false);
        Value scaled = Write("Mul", output, "scaled", normal, scale, isLast: node.Input(2) is null);
        if (node.Input(2) is { } bias)
        {
            Write("Add", output, "", scaled, bias, isLast: true);
        }

        return true;

        Value Mean(Value of, string name)
        {
            Value result = NewValue(name, TypeOf(of), [.. dimensions.Take(dimensions.Count - 1), new Dimension(1)]);
            Graph.Nodes.Add(NewNode("ReduceMean", [of], result, ("axes", new long[] { -1 }), ("keepdims", 1L)));
            return result;
        }
    }

    // A factor and a summand for each channel.
    private bool DecomposeBatchNormalization(NodeDraft node)
    {
        bool usesMore = node.Source.Outputs.Skip(1).Any(other => other is not null && _read.Contains(other));
        if (usesMore || node.Attributes.GetValueOrDefault("training_mode") is 1L || node.Attributes.GetValueOrDefault("spatial") is 0L ||
            node.Input(0) is not { Declared.Dimensions: { Count: > 1 } dimensions } input || node.Inputs.Count < 5 ||
            !node.Inputs.Skip(1).Take(4).All(value => value is { Constant.Type: { ElementType: ElementType.Float32 or ElementType.Float16, Shape.Rank: 1 } }))
        {
            return false;
        }

        float[][] numbers = [.. node.Inputs.Skip(1).Take(4).Select(value => MemoryMarshal.Cast<byte, float>(WeightCopier.ToBytes(value!.Constant!, ElementType.Float32)).ToArray())];
        (float[] scale, float[] bias, float[] mean, float[] variance) = (numbers[0], numbers[1], numbers[2], numbers[3]);
        if (bias.Length != scale.Length || mean.Length != scale.Length || variance.Length != scale.Length)
        {
            return false;
        }

        float epsilon = node.Attributes.GetValueOrDefault("epsilon") as float? ?? 1e-5f;
        float[] factors = new float[scale.Length];
        float[] summands = new float[scale.Length];
        for (int i = 0; i < factors.Length; i++)
        {
            double factor = scale[i] / Math.Sqrt((double)variance[i] + epsilon);
            factors[i] = (float)factor;
            summands[i] = (float)(bias[i] - (mean[i] * factor));
        }

        Value output = node.Source.Outputs[0]!;
        long[] shape = [factors.Length, .. Enumerable.Repeat(1L, dimensions.Count - 2)];
        Value scaled = Write("Mul", output, "scaled", input, NewConstant($"{output.Name}.factors", ElementType.Float32, shape, MemoryMarshal.AsBytes<float>(factors)), isLast: false);
        Write("Add", output, "", scaled, NewConstant($"{output.Name}.summands", ElementType.Float32, shape, MemoryMarshal.AsBytes<float>(summands)), isLast: true);
        return true;
    }

    // 8-bit weights with one scale and zero point are how the format stores real numbers.
    private bool ReadQuantizedWeight(NodeDraft node)
    {
        if (node.Input(0)?.Constant is not { Location: { } location, StoredType: ElementType.UInt8, Quantization: null, IsChannelsLast: false } weight ||
            node.Input(1)?.Constant?.TryReadScalar() is not { } scale || !float.IsFinite(scale) || scale < 0 || node.Attributes.Count > 0 && !node.Attributes.Keys.All(key => key == "axis") ||
            node.Input(2) is not null and not { Constant: { Data.Length: 1, Type.ElementType: ElementType.UInt8 } })
        {
            return false;
        }

        int zeroPoint = node.Input(2)?.Constant!.Data![0] ?? 0;
        Value output = node.Source.Outputs[0]!;
        Value real = new(output.Name) { Declared = output.Declared };
        real.Constant = Constant.FromLocation(weight.Type with { ElementType = ElementType.Float32 }, ElementType.UInt8, location, WeightQuantization.OfAll(scale, zeroPoint, weight.Type.Shape.ElementCount));
        _aliases.Add(output, real);
        return true;
    }

    private Value NewReal(string name, float number) => NewConstant(name, ElementType.Float32, [], MemoryMarshal.AsBytes<float>([number]));

    private Value Write(string operatorType, Value output, string part, Value left, Value right, bool isLast, IReadOnlyList<Dimension>? dimensions = null) =>
        Write(operatorType, output, part, left, WeightForm.Plain, right, WeightForm.Plain, isLast, dimensions);

    // A node of two inputs: the last of a decomposition makes the output itself.
    private Value Write(string operatorType, Value output, string part, Value left, WeightForm leftForm, Value right, WeightForm rightForm, bool isLast, IReadOnlyList<Dimension>? dimensions = null)
    {
        Value result = isLast ? output : NewValue($"{output.Name}.{part}", TypeOf(output), dimensions ?? output.Declared?.Dimensions);
        string user = $"{operatorType} of '{output.Name}'";
        Value First(Value value, WeightForm form) => value.Constant is null || _forms.ContainsKey(value) ? value : Weight(value, form, isIndex: false, user);
        Graph.Nodes.Add(NewNode(operatorType, [First(left, leftForm), First(right, rightForm)], result));
        return result;
    }
}
