using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.ComplexMul and ComplexMulConj: products of complex numbers, whose parts are the last dimension. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isConjugate">Whether the second factor is conjugated.</param>
internal sealed class ComplexProduct(bool isConjugate) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        (Value realA, Value imaginaryA) = Parts(0);
        (Value realB, Value imaginaryB) = Parts(1);
        Value real = context.Add(isConjugate ? "Add" : "Sub", [Product(realA, realB), Product(imaginaryA, imaginaryB)]);
        Value imaginary = isConjugate
            ? context.Add("Sub", [Product(imaginaryA, realB), Product(realA, imaginaryB)])
            : context.Add("Add", [Product(realA, imaginaryB), Product(imaginaryA, realB)]);
        context.SetOutput(0, context.Add("Concat", [real, imaginary], ("axis", -1)));

        Value Product(Value a, Value b) => context.Add("Mul", [a, b]);

        (Value Real, Value Imaginary) Parts(int index)
        {
            Shape shape = context.InputShape(index);
            return shape.Rank > 0 && shape[^1] == 2 && context.InputElementType(index).IsFloat()
                ? (context.Slice(context.Input(index), -1, 0, 1), context.Slice(context.Input(index), -1, 1, 2))
                : throw context.Invalid($"input {index}, {context.InputType(index)}, must be floating-point numbers whose last dimension is 2");
        }
    }
}
