using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.CDist: the distances of all rows of two matrices [M, K] and [N, K]: [M, N]. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>The metrics are euclidean and sqeuclidean, as in ONNX Runtime. Computed in double precision: squares are subtracted.</remarks>
internal sealed class PairwiseDistance : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        string metric = context.Attributes.String("metric", "sqeuclidean");
        ElementType type = context.InputElementType(0);
        Shape left = context.InputShape(0);
        Shape right = context.InputShape(1);
        if (metric is not ("euclidean" or "sqeuclidean"))
        {
            throw context.Unsupported($"the metric '{metric}'");
        }

        if (!type.IsFloat() || context.InputElementType(1) != type || left.Rank != 2 || right.Rank != 2 || left[1] != right[1])
        {
            throw context.Invalid("both inputs must be matrices of floating-point numbers of one type with rows of one length");
        }

        Value a = context.Cast(context.Input(0), ElementType.Float64);
        Value b = context.Cast(context.Input(1), ElementType.Float64);
        Value squares = context.Add("Add", [context.Add("ReduceSumSquare", [a, context.Integers(1)]), context.Transpose(context.Add("ReduceSumSquare", [b, context.Integers(1)]), 1, 0)]);
        Value products = context.Add("MatMul", [a, context.Transpose(b, 1, 0)]);
        Value result = context.Add("Max", [context.Add("Sub", [squares, context.Add("Add", [products, products])]), context.Number(ElementType.Float64, 0)]);
        context.SetOutput(0, context.Cast(metric == "euclidean" ? context.Add("Sqrt", [result]) : result, type));
    }
}
