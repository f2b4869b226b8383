using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.QGemm: alpha * A' * B' + C of quantized matrices, where ' transposes if asked to. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>B has one scale and zero point, or one for each column. C counts in steps of alpha * scale of A * scale of B. Without a zero point of the output, it is real.</remarks>
internal sealed class QuantizedGemm : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
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
}
