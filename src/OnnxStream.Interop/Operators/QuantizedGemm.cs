using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.QGemm: alpha * A' * B' + C of quantized matrices, where ' transposes if asked to. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>B has one scale and zero point, or one for each column. C counts in steps of alpha * scale of A * scale of B. Without a zero point of the output, it is real.</remarks>
internal sealed class QuantizedGemm : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (TryKernel(context) is { } result)
        {
            context.SetOutput(0, result);
            return;
        }

        Value left = Shifted(0, 2, "transA");
        Value right = Shifted(3, 5, "transB");
        (Shape a, Shape b) = (left.Type!.Value.Shape, right.Type!.Value.Shape);
        if (a[1] != b[0])
        {
            throw context.Invalid("the inner dimensions of A and B differ");
        }

        Value sums = context.Add("MatMul", [left, right]);
        Shape shape = new(a[0], b[1]);
        if (context.OptionalInput(6) is { } bias)
        {
            if (context.InputElementType(6) != ElementType.Int32 || context.Broadcast(context.InputShape(6), shape) != shape)
            {
                throw context.Invalid($"C must be int32, and broadcast to {shape}; it is {context.InputType(6)}");
            }

            sums = context.Add("Add", [sums, bias]);
        }

        Value scale = QuantizedTensors.Single(context, 1);
        float alpha = context.Attributes.Float("alpha", 1);
        scale = alpha == 1 ? scale : context.Add("Mul", [scale, context.Number(ElementType.Float32, alpha)]);
        Value factor = context.Add("Mul", [scale, Columns(4)]);
        if (context.HasInput(7))
        {
            factor = context.Add("Div", [factor, QuantizedTensors.Single(context, 7)]);
        }

        Value scaled = context.Add("Mul", [context.Cast(sums, ElementType.Float32), factor]);
        if (!context.HasInput(8))
        {
            context.SetOutput(0, scaled);
            return;
        }

        ElementType type = QuantizedTensors.Type(context, 8);
        context.SetOutput(0, QuantizedTensors.Saturate(context, context.Add("Add", [context.Add("Round", [scaled]), QuantizedTensors.Zero(context, 8, type)]), type));

        Value Shifted(int index, int zero, string transposed)
        {
            ElementType type = QuantizedTensors.Type(context, index);
            if (context.InputShape(index).Rank != 2 || context.InputElementType(zero) != type)
            {
                throw context.Invalid($"input {index} must be a matrix with a zero point of its type, it is {context.InputType(index)} with {context.InputType(zero)}");
            }

            Value matrix = context.Cast(context.Input(index), ElementType.Int32);
            matrix = context.Attributes.Int(transposed, 0) != 0 ? context.Transpose(matrix, 1, 0) : matrix;
            return context.Add("Sub", [matrix, context.Cast(index == 0 ? QuantizedTensors.Single(context, zero) : Columns(zero), ElementType.Int32)]);
        }

        Value Columns(int index)
        {
            Shape given = context.InputShape(index);
            long columns = context.InputShape(3)[context.Attributes.Int("transB", 0) != 0 ? 0 : 1];
            return given.ElementCount == 1 || given == new Shape(columns) ? context.Input(index) : throw context.Invalid($"input {index} must have one element, or {columns}");
        }
    }

    // The product as one node, where there is a kernel for it.
    private static Value? TryKernel(FunctionContext context)
    {
        Value data = context.Input(0);
        Value scale = context.Input(1);
        bool isReal = !context.HasInput(8);
        if (isReal == context.HasInput(7) || data.Type!.Value.Shape.Rank != 2 || scale.Type!.Value != scale.Type.Value with { ElementType = ElementType.Float32 } || scale.Type.Value.Shape.ElementCount != 1)
        {
            return null;
        }

        bool isTurned = context.Attributes.Int("transA", 0) != 0;
        QuantizedProductFusion fusion = new(isReal ? ElementType.Float32 : context.InputElementType(8)) { IsTransposed = context.Attributes.Int("transB", 0) != 0 };
        QuantizedOperands operands = new(isTurned ? context.Transpose(data, 1, 0) : data, context.Input(3))
        {
            Scale = context.Attributes.Float("alpha", 1) is not 1 and var alpha ? context.Add("Mul", [scale, context.Number(ElementType.Float32, alpha)]) : scale,
            Zero = context.OptionalInput(2),
            WeightScale = context.Input(4),
            WeightZero = context.OptionalInput(5),
            ResultScale = context.OptionalInput(7),
            ResultZero = context.OptionalInput(8),
        };
        if (fusion.Result is not (ElementType.Float32 or ElementType.UInt8 or ElementType.Int8) || !QuantizedProduct.Takes(operands, fusion))
        {
            return null;
        }

        if (context.OptionalInput(6) is { } bias)
        {
            // One for each column.
            long columns = context.InputShape(3)[fusion.IsTransposed ? 0 : 1];
            if (bias.Constant is null || bias.Type!.Value.Shape is not { ElementCount: > 0 } shape || (shape != new Shape(columns) && shape != new Shape(1, columns)) ||
                QuantizedTensors.TryRealBias(context, shape.Rank == 1 ? bias : context.Reshape(bias, columns), operands) is not { } real)
            {
                return null;
            }

            operands = operands with { Bias = real };
        }

        return context.Add(operands, fusion);
    }
}
