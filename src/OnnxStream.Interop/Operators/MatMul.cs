using System.Diagnostics.CodeAnalysis;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Matrix product with NumPy's rules for vectors and batches. https://onnx.ai/onnx/operators/onnx__MatMul.html</summary>
/// <remarks>
/// Opset 9 added integers, 13 bfloat16. A constant matrix on the right is streamed in panels; two computed operands are
/// XNNPACK's batch product; types other than single precision are managed.
/// </remarks>
internal sealed class MatMul : Operator
{
    /// <inheritdoc/>
    public override bool CanReadStored(Node node, int input, RowFormat format) => input == 0 && IsWeightProduct(node);

    /// <inheritdoc/>
    public override bool CanWriteStored(Node node, RowFormat format) => IsWeightProduct(node) && (format.Together == 1 || node.Inputs[1]!.Type!.Value.Shape.Rank > 1);

    /// <inheritdoc/>
    public override bool CanWriteStripe(Node node) => IsWeightProduct(node) && node.Inputs[1]!.Type!.Value.Shape.Rank > 1;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != context.InputElementType(1))
        {
            throw context.Invalid("both inputs must have the same element type");
        }

        Geometry geometry = Geometry.Of(context);
        List<long> shape = [.. geometry.Batch.Dimensions];
        if (context.InputShape(0).Rank > 1)
        {
            shape.Add(geometry.M);
        }

        if (context.InputShape(1).Rank > 1)
        {
            shape.Add(geometry.N);
        }

        context.SetOutput(0, context.InputElementType(0), new Shape([.. shape]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Geometry geometry = Geometry.Of(context);
        PlanTensor output = context.Output(0);
        ElementType type = context.InputElementType(0);
        if (IsWeightProduct(context, geometry, out Constant? weight))
        {
            // All batches on the left are rows of one product.
            PanelWeights panels = context.Panels(weight, PanelLayout.InputMajor, geometry.N, geometry.K);
            StorageTypes types = new(type, output.ElementType) { StripeStride = output.StripeStride };
            context.Emit(new XnnFullyConnected(panels, hasBias: false, geometry.LeftBatch.ElementCount * geometry.M, context.Workers, types), [context.Input(0)], [output]);
            return;
        }

        Emit(context, context.Input(0), context.Input(1), geometry, output);
    }

    /// <summary>Emits the step that multiplies two tensors that are taken as batches of matrices.</summary>
    public static void Emit(LoweringContext context, PlanTensor left, PlanTensor right, Geometry geometry, PlanTensor output)
    {
        if (output.ElementType != ElementType.Float32 || output.ElementCount == 0 || geometry.K == 0 || geometry.Batch.Rank + 2 > Bindings.Xnnpack.XNN_MAX_TENSOR_DIMS)
        {
            MatMulKernelFactory factory = new(geometry.LeftBatch, geometry.RightBatch, geometry.Batch, checked((int)geometry.M), checked((int)geometry.K), checked((int)geometry.N));
            context.Emit(NumericKernels.Create(output.ElementType, factory) ?? throw context.Unsupported($"element type {output.ElementType.ToOnnxName()}"), [left, right], [output]);
            return;
        }

        context.Emit(
            new XnnBatchMatMul(
                Padded(geometry.LeftBatch, geometry.Batch.Rank), Padded(geometry.RightBatch, geometry.Batch.Rank), geometry.M, geometry.K, geometry.N, transposeRight: false, context.Workers),
            [left, right], [output]);
    }

    private static bool IsWeightProduct(Node node)
    {
        InferenceContext context = new(node);
        return IsWeightProduct(context, Geometry.Of(context), out _);
    }

    // Rows times a weight of single precision, whatever the rows are stored in.
    private static bool IsWeightProduct(NodeContext context, Geometry geometry, [NotNullWhen(true)] out Constant? weight)
    {
        weight = context.ConstantInput(1);
        return weight is { Location: not null, Type.ElementType: ElementType.Float32 } && geometry.RightBatch.ElementCount == 1 && geometry.K > 0 && geometry.N > 0 && geometry.Batch.ElementCount * geometry.M > 0;
    }

    private static long[] Padded(Shape shape, int rank) => [.. Enumerable.Repeat(1L, rank - shape.Rank), .. shape.Dimensions];

    /// <summary>Batches of [M, K] times batches of [K, N].</summary>
    internal readonly record struct Geometry(Shape LeftBatch, Shape RightBatch, Shape Batch, long M, long K, long N)
    {
        /// <summary>That of a node.</summary>
        public static Geometry Of(NodeContext context)
        {
            Shape left = context.InputShape(0);
            Shape right = context.InputShape(1);
            if (left.Rank == 0 || right.Rank == 0)
            {
                throw context.Invalid("scalars cannot be multiplied as matrices");
            }

            long m = left.Rank > 1 ? left[^2] : 1;
            long k = left[^1];
            long n = right.Rank > 1 ? right[^1] : 1;
            if ((right.Rank > 1 ? right[^2] : right[0]) != k)
            {
                throw context.Invalid($"the inner dimensions of {left} and {right} differ");
            }

            Shape leftBatch = new(left.Dimensions[..Math.Max(0, left.Rank - 2)]);
            Shape rightBatch = new(right.Dimensions[..Math.Max(0, right.Rank - 2)]);
            return new Geometry(leftBatch, rightBatch, context.Broadcast(leftBatch, rightBatch), m, k, n);
        }
    }
}
