using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.QLinearAdd and QLinearMul: a sum or product of quantized tensors. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isProduct">Whether it is a product.</param>
/// <remarks>
/// Numbers that lie between two results are rounded after the zero point was added. Everything is rounded to single precision as ONNX Runtime does on
/// x86, because with usual scales many results lie exactly in the middle.
/// </remarks>
internal sealed class QuantizedArithmetic(bool isProduct) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        ElementType type = QuantizedTensors.Type(context, 0);
        if (context.InputElementType(3) != type)
        {
            throw context.Invalid("both tensors must be uint8, or both int8");
        }

        context.SetOutput(0, QuantizedTensors.Saturate(context, isProduct ? Multiply(context, type) : Sum(context, type), type));
    }

    private static Value Multiply(FunctionContext context, ElementType type)
    {
        Value left = context.Add("Sub", [context.Cast(context.Input(0), ElementType.Float32), QuantizedTensors.Zero(context, 2, type)]);
        Value right = context.Add("Sub", [context.Cast(context.Input(3), ElementType.Float32), QuantizedTensors.Zero(context, 5, type)]);
        Value scales = context.Add("Mul", [QuantizedTensors.Single(context, 1), QuantizedTensors.Single(context, 4)]);
        Value ratio = context.Add("Div", [scales, QuantizedTensors.Single(context, 6)]);
        return context.Add("Add", [context.Add("Mul", [context.Add("Mul", [left, right]), ratio]), QuantizedTensors.Zero(context, 7, type)]);
    }

    private static Value Sum(FunctionContext context, ElementType type)
    {
        Value left = context.Add("Div", [QuantizedTensors.Single(context, 1), QuantizedTensors.Single(context, 6)]);
        Value right = context.Add("Div", [QuantizedTensors.Single(context, 4), QuantizedTensors.Single(context, 6)]);
        Value zeros = context.Add("Add", [context.Add("Mul", [left, QuantizedTensors.Zero(context, 2, type)]), context.Add("Mul", [right, QuantizedTensors.Zero(context, 5, type)])]);
        Value same = context.Add("Sub", [QuantizedTensors.Zero(context, 7, type), zeros]);

        // An operand that is the same along a row goes into the part that is the same for all elements, rounded twice.
        (bool isLeftSame, bool isRightSame) = SameAlongRow(context.InputShape(0), context.InputShape(3));
        return isLeftSame ? AddScaled(context, 3, right, AddRow(context, 0, left, same)) :
            isRightSame ? AddScaled(context, 0, left, AddRow(context, 3, right, same)) :
            AddScaled(context, 0, left, AddScaled(context, 3, right, same));
    }

    private static (bool Left, bool Right) SameAlongRow(Shape left, Shape right)
    {
        for (int i = 1; i <= Math.Max(left.Rank, right.Rank); i++)
        {
            (long a, long b) = (i <= left.Rank ? left[^i] : 1, i <= right.Rank ? right[^i] : 1);
            if (a != 1 || b != 1)
            {
                return (a == 1, b == 1);
            }
        }

        return (false, false);
    }

    private static Value AddRow(FunctionContext context, int index, Value ratio, Value addend) =>
        context.Add("Add", [addend, context.Add("Mul", [context.Cast(context.Input(index), ElementType.Float32), ratio])]);

    // A multiplication and an addition that are rounded once: the product is exact in double precision.
    private static Value AddScaled(FunctionContext context, int index, Value ratio, Value addend)
    {
        Value product = context.Add("Mul", [context.Cast(context.Input(index), ElementType.Float64), context.Cast(ratio, ElementType.Float64)]);
        return context.Cast(context.Add("Add", [product, context.Cast(addend, ElementType.Float64)]), ElementType.Float32);
    }
}
