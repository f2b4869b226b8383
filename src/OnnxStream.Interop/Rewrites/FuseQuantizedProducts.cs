using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Makes one QuantizedProduct out of a product of dequantized 8-bit integers and what belongs to it: scales, a bias, limits, and the quantization of its results.</summary>
/// <remarks>
/// <code>
/// MatMul, Gemm or Conv ( DequantizeLinear(x), DequantizeLinear(W) [, b] ), also with Transpose between a matrix W and its product
/// [QuantizeLinear] ( [Relu or Clip] ( [Add b] ( [Mul s] ( [Cast] ( QuantizedProduct ) ) ) ) )
/// </code>
/// W is a constant in a file, b is constant. MatMulInteger and ConvInteger are QuantizedProducts already, of which Cast and Mul make single precision.
/// Sums are exact, where products of single precision are rounded: results are nearer to those of the specification.
/// </remarks>
internal static class FuseQuantizedProducts
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        Rewrite(graph, TryProduct);
        if (!graph.Nodes.Exists(IsProduct))
        {
            return;
        }

        Rewrite(graph, static (editor, node) => node is { OperatorType: "Cast" } && node.Outputs[0]!.Type!.Value.ElementType == ElementType.Float32 && Product(editor, node.Inputs[0], ElementType.Int32) is { } product &&
            Replace(editor, node, product, Operands(product), Fusion(product) with { Result = ElementType.Float32 }));
        Rewrite(graph, TryScale);
        Rewrite(graph, TryBias);
        Rewrite(graph, static (editor, node) => node.OperatorType is "Relu" or "Clip" && Product(editor, node.Inputs[0], ElementType.Float32) is { } product && Fusion(product).Limits is null && FuseClamp.Limits(node) is { } limits && limits.Low < limits.High &&
            Replace(editor, node, product, Operands(product), Fusion(product) with { Limits = limits }));
        Rewrite(graph, TryQuantize);
    }

    private static void Rewrite(Graph graph, Func<GraphEditor, Node, bool> rewrite)
    {
        GraphEditor editor = new(graph);
        bool hasChanged = false;
        foreach (Node node in graph.Nodes)
        {
            hasChanged |= node.Domain.Length == 0 && node.Outputs is [not null] && rewrite(editor, node);
        }

        if (hasChanged)
        {
            editor.Apply();
        }
    }

    private static bool TryProduct(GraphEditor editor, Node node)
    {
        bool isConvolution = node.OperatorType == "Conv";
        bool isGemm = node.OperatorType == "Gemm";
        if ((!isConvolution && !isGemm && node.OperatorType != "MatMul") || node.Inputs[0]!.Producer is not { Domain: "", OperatorType: "DequantizeLinear" } dequantize || !IsByte(dequantize.Inputs[0]!) || dequantize.Inputs[0]!.Constant is not null ||
            (isGemm && (node.Attributes.Float("alpha", 1) != 1 || node.Attributes.Float("beta", 1) != 1 || node.Attributes.Int("transA", 0) != 0)))
        {
            return false;
        }

        Value weight = node.Inputs[1]!;
        bool isTransposed = isGemm && node.Attributes.Int("transB", 0) != 0;
        if (!isConvolution && weight.Producer is { Domain: "", OperatorType: "Transpose" } transpose && transpose.Inputs[0]!.Type!.Value.Shape.Rank == 2 && transpose.Attributes.Ints("perm") is null or [1, 0])
        {
            weight = transpose.Inputs[0]!;
            isTransposed = !isTransposed;
        }

        if (weight.Type!.Value.Shape.Rank < 2 || FindIntegers(weight, isConvolution || isTransposed ? 0 : 1) is not { } integers)
        {
            return false;
        }

        QuantizedOperands operands = integers with { Data = dequantize.Inputs[0]!, Scale = dequantize.Inputs[1], Zero = Input(dequantize, 2), Bias = Input(node, 2) };
        if (operands.Bias?.Constant is { } bias && !isConvolution && bias.Type.Shape is { Rank: 2 } shape && shape[0] == 1)
        {
            operands = operands with { Bias = Reshaped(operands.Bias, new Shape(shape[1])) };
        }

        return Replace(editor, node, isConvolution ? node : null, operands, new QuantizedProductFusion(ElementType.Float32) { IsConvolution = isConvolution, IsTransposed = !isConvolution && isTransposed });
    }

    // The integers that a weight is in its file, with scales and zero points for all of it or along its first or last axis.
    private static QuantizedOperands? FindIntegers(Value weight, int axis)
    {
        Shape shape = weight.Type!.Value.Shape;
        if (weight.Constant is { Quantization: { } quantization, IsChannelsLast: false } constant)
        {
            long perRow = shape.ElementCount / Math.Max(1, shape[0]);
            bool isAlongAxis = axis == 0
                ? quantization.RowBlock == 1 && quantization.RowLength == perRow && quantization.ColumnBlock == perRow
                : quantization.ColumnBlock == 1 && quantization.RowLength == shape[^1] && quantization.RowBlock * shape[^1] == shape.ElementCount;
            return quantization.IsOfAll || isAlongAxis
                ? new QuantizedOperands(null!, ConstantValue(weight, "integers", constant.AsElements(constant.StoredType, shape)))
                {
                    WeightScale = ConstantValue(weight, "scales", quantization.Scales),
                    WeightZero = quantization.ZeroPoints is { } zeros ? ConstantValue(weight, "zero points", zeros) : null,
                }
                : null;
        }

        if (weight.Producer is not { Domain: "", OperatorType: "DequantizeLinear" } dequantize || dequantize.Attributes.Int("block_size", 0) != 0 || !IsByte(dequantize.Inputs[0]!))
        {
            return null;
        }

        long given = dequantize.Attributes.Int("axis", 1);
        return dequantize.Inputs[1]!.Type!.Value.Shape.ElementCount == 1 || (given < 0 ? given + shape.Rank : given) == axis
            ? new QuantizedOperands(null!, dequantize.Inputs[0]!) { WeightScale = dequantize.Inputs[1], WeightZero = Input(dequantize, 2) }
            : null;
    }

    // A scale of all results, or one for each channel that comes from a scale of the data and those of the weight.
    private static bool TryScale(GraphEditor editor, Node node)
    {
        for (int i = 0; i < 2 && node.OperatorType == "Mul"; i++)
        {
            if (Product(editor, node.Inputs[i], ElementType.Float32) is not { } product || Operands(product) is not { Scale: null, WeightScale: null, Bias: null } operands || Fusion(product).Limits is not null)
            {
                continue;
            }

            Value scale = node.Inputs[1 - i]!;
            bool isSingle = scale.Type!.Value.Shape.ElementCount == 1;
            if (!isSingle && Fusion(product).IsConvolution)
            {
                continue;
            }

            // Of the data and of the weight, where they are apart.
            if (scale.Producer is { Domain: "", OperatorType: "Mul" } combined)
            {
                int weight = Array.FindIndex(combined.Inputs, factor => factor!.Constant is not null);
                if (weight >= 0 && Replace(editor, node, product, operands with { Scale = combined.Inputs[1 - weight], WeightScale = combined.Inputs[weight] }, Fusion(product)))
                {
                    return true;
                }
            }

            return Replace(editor, node, product, isSingle ? operands with { Scale = scale } : operands with { WeightScale = scale }, Fusion(product));
        }

        return false;
    }

    private static bool TryBias(GraphEditor editor, Node node)
    {
        for (int i = 0; i < 2 && node.OperatorType == "Add"; i++)
        {
            if (Product(editor, node.Inputs[i], ElementType.Float32) is not { } product || Operands(product) is not { Bias: null } operands || Fusion(product).Limits is not null ||
                node.Inputs[1 - i] is not { Constant: { IsConverted: false } constant } bias || bias.Type!.Value.ElementType != ElementType.Float32)
            {
                continue;
            }

            // A number for each channel, whatever dimensions of 1 are around it.
            Shape results = product.Outputs[0]!.Type!.Value.Shape;
            int channels = Fusion(product).IsConvolution ? 1 : results.Rank - 1;
            int missing = results.Rank - constant.Type.Shape.Rank;
            if (channels < missing || constant.Type.Shape.ElementCount != results[channels] || constant.Type.Shape[channels - missing] != results[channels])
            {
                continue;
            }

            return Replace(editor, node, product, operands with { Bias = constant.Type.Shape.Rank == 1 ? bias : Reshaped(bias, new Shape(results[channels])) }, Fusion(product));
        }

        return false;
    }

    private static bool TryQuantize(GraphEditor editor, Node node) =>
        node.OperatorType == "QuantizeLinear" && IsByte(node.Outputs[0]!) && node.Attributes.Int("precision", 0) is 0 or (long)ElementType.Float32 && Product(editor, node.Inputs[0], ElementType.Float32) is { } product &&
        Replace(editor, node, product, Operands(product) with { ResultScale = node.Inputs[1], ResultZero = Input(node, 2) }, Fusion(product) with { Result = node.Outputs[0]!.Type!.Value.ElementType });

    // The product of this type that makes a value, if nobody else reads the value.
    private static Node? Product(GraphEditor editor, Value? value, ElementType type) =>
        value?.Producer is { } node && IsProduct(node) && Fusion(node).Result == type && editor.OnlyConsumer(value) is not null ? node : null;

    private static bool IsProduct(Node node) => node is { Domain: OperatorSets.InternalDomain, OperatorType: QuantizedProduct.Name };

    private static QuantizedProductFusion Fusion(Node product) => (QuantizedProductFusion)product.Fusion!;

    private static QuantizedOperands Operands(Node product) => QuantizedOperands.Of(product);

    // Lets a product make the value that a node makes, if there is a kernel for it.
    private static bool Replace(GraphEditor editor, Node last, Node? convolution, QuantizedOperands operands, QuantizedProductFusion fusion)
    {
        if (!QuantizedProduct.Takes(operands, fusion, fusion.IsConvolution ? convolution!.Attributes.Int("group", 1) : 1))
        {
            return false;
        }

        editor.Replace(last, QuantizedProduct.Name, operands.Inputs, fusion, fusion.IsConvolution ? convolution : null);
        return true;
    }

    private static Value Reshaped(Value value, Shape shape)
    {
        Constant constant = value.Constant!.WithShape(shape);
        return ConstantValue(value, "vector", constant);
    }

    private static Value ConstantValue(Value origin, string name, Constant constant) => new($"{origin.Name}/{name}") { Type = constant.Type, Constant = constant };

    private static Value? Input(Node node, int index) => index < node.Inputs.Length ? node.Inputs[index] : null;

    private static bool IsByte(Value value) => value.Type!.Value.ElementType is ElementType.UInt8 or ElementType.Int8;
}
