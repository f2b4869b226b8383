using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Permutes dimensions. https://onnx.ai/onnx/operators/onnx__Transpose.html (opsets 1 to 25: only types were added).</summary>
internal sealed class Transpose : Operator
{
    // Runs of so many bytes that stay together are copied faster than XNNPACK moves their elements.
    private const long LongRun = 64;

    /// <inheritdoc/>
    public override bool StoresAlike => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        int[] permutation = Permutation(context);
        context.SetOutput(0, context.InputElementType(0), Permute(input, permutation));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        int[] permutation = Permutation(context);
        if (KeepsOrder(input.Shape, permutation))
        {
            context.View(0, input);
            return;
        }

        Emit(context, input, permutation, context.Output(0));
    }

    /// <summary>Emits the step that permutes a tensor and returns the result.</summary>
    /// <param name="context">The node that is lowered.</param>
    /// <param name="input">What to permute.</param>
    /// <param name="permutation">For each dimension of the result, which one of the input it is.</param>
    /// <param name="output">Where the result goes; null for new memory.</param>
    public static PlanTensor Emit(LoweringContext context, PlanTensor input, ReadOnlySpan<int> permutation, PlanTensor? output = null)
    {
        output ??= context.Temporary(input.Type with { Shape = Permute(input.Shape, permutation) });
        bool keepsRuns = permutation.Length > 0 && permutation[^1] == permutation.Length - 1 && input.Shape[^1] * input.ElementType.SizeOf() >= LongRun;
        TransposeDimensions dimensions = TransposeDimensions.Of(input.Shape, permutation);
        bool keepsInnermost = dimensions.Order[^1] == dimensions.Order.Length - 1;
        Kernel kernel =
            !keepsInnermost ? SizedKernels.Create(input.ElementType, new BlockFactory(dimensions)) :
            !keepsRuns && XnnTranspose.Supports(input.Shape, permutation) ? new XnnTranspose(input.ElementType.SizeOf(), input.Shape, permutation, context.Workers) :
            new StridedCopy(input.ElementType.SizeOf(), output.Shape, Strides(input.Shape, permutation), 0);
        context.Emit(kernel, [input], [output]);
        return output;
    }

    // Only dimensions of 1 change places: no element moves.
    private static bool KeepsOrder(Shape shape, int[] permutation)
    {
        int before = -1;
        foreach (int axis in permutation)
        {
            if (shape[axis] == 1)
            {
                continue;
            }

            if (axis < before)
            {
                return false;
            }

            before = axis;
        }

        return true;
    }

    private static long[] Strides(Shape input, ReadOnlySpan<int> permutation)
    {
        long[] own = input.RowMajorStrides();
        long[] strides = new long[permutation.Length];
        for (int i = 0; i < strides.Length; i++)
        {
            strides[i] = own[permutation[i]];
        }

        return strides;
    }

    private static Shape Permute(Shape input, ReadOnlySpan<int> permutation)
    {
        long[] dimensions = new long[permutation.Length];
        for (int i = 0; i < dimensions.Length; i++)
        {
            dimensions[i] = input[permutation[i]];
        }

        return new Shape(dimensions);
    }

    private static int[] Permutation(NodeContext context)
    {
        int rank = context.InputShape(0).Rank;
        if (context.Attributes.Ints("perm") is not { } permutation)
        {
            return [.. Enumerable.Range(0, rank).Reverse()];
        }

        int[] axes = context.Axes(permutation, rank);
        return axes.Length == rank ? axes : throw context.Invalid($"perm [{Listing.Of(permutation)}] does not name each of the {rank} dimensions once");
    }

    private readonly struct BlockFactory(TransposeDimensions dimensions) : ISizedKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged => new BlockTranspose<T>(dimensions);
    }
}
