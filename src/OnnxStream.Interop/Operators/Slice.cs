using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Takes a range of positions, with steps, along some axes. https://onnx.ai/onnx/operators/onnx__Slice.html</summary>
/// <remarks>Opset 10 made attributes inputs and added steps, which may be negative. What lies in one piece is not copied.</remarks>
internal sealed class Slice : Operator
{
    private readonly record struct SliceAttributes(long[] Starts, long[] Steps, Shape Output)
    {
        public static SliceAttributes Parse(NodeContext context)
        {
            Shape input = context.InputShape(0);
            long[] starts = context.AttributeOrInput("starts", inputFrom: 10, 1) ?? throw context.Invalid("the starts are missing");
            long[] ends = context.AttributeOrInput("ends", inputFrom: 10, 2) ?? throw context.Invalid("the ends are missing");
            long[]? given = context.AttributeOrInput("axes", inputFrom: 10, 3);
            long[]? steps = context.HasInput(4) ? context.RequireIntegers(4) : null;
            int[] axes = given is not null ? context.Axes(given, input.Rank) : [.. Enumerable.Range(0, starts.Length)];
            if (ends.Length != starts.Length || axes.Length != starts.Length || starts.Length > input.Rank || (steps is not null && steps.Length != starts.Length))
            {
                throw context.Invalid("starts, ends, axes and steps must have the same number of elements, at most one for each dimension");
            }

            long[] first = new long[input.Rank];
            long[] step = [.. Enumerable.Repeat(1L, input.Rank)];
            long[] size = input.ToArray();
            for (int i = 0; i < axes.Length; i++)
            {
                int axis = axes[i];
                (first[axis], step[axis], size[axis]) = Range(context, input[axis], starts[i], ends[i], steps is null ? 1 : steps[i]);
            }

            return new SliceAttributes(first, step, new Shape(size));
        }

        // Starts and ends outside of the dimension mean its border; numbers as large as ±2^63 are usual for "to the end".
        private static (long First, long Step, long Size) Range(NodeContext context, long size, long start, long end, long step)
        {
            if (step == 0)
            {
                throw context.Invalid("a step must not be 0");
            }

            // A start in front of everything is the first element, in both directions: there NumPy begins nowhere.
            start = Math.Min(start < 0 ? Math.Max(start + size, 0) : start, step < 0 ? size - 1 : size);
            end = end < 0 ? Math.Max(end + size, step < 0 ? -1 : 0) : Math.Min(end, step < 0 ? size - 1 : size);
            step = Math.Clamp(step, -Math.Max(1, size), Math.Max(1, size));
            long count = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
            return (start, step, step > 0 ? (end > start ? count : 0) : start > end ? count : 0);
        }
    }

    /// <inheritdoc/>
    public override bool StoresAlike => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        SliceAttributes attributes = SliceAttributes.Parse(context);
        (long[] strides, long start) = Geometry(context, attributes);
        Infer(context, attributes.Output, strides, start, 0);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (long[] strides, long start) = Geometry(context, SliceAttributes.Parse(context));
        Emit(context, context.Input(0), strides, start, 0);
    }

    /// <summary>Sets the type of an output of input elements at regular distances. A piece of a weight in a file is a weight in that file.</summary>
    /// <param name="context">The node.</param>
    /// <param name="shape">The output's shape.</param>
    /// <param name="strides">For each dimension of the output, how many input elements lie between two neighbours.</param>
    /// <param name="start">The first element.</param>
    /// <param name="index">The output.</param>
    public static void Infer(InferenceContext context, Shape shape, ReadOnlySpan<long> strides, long start, int index)
    {
        context.SetOutput(index, context.InputElementType(0), shape);
        if (context.ConstantInput(0) is { } constant && shape.ElementCount > 0 && IsContiguous(shape, strides) && constant.CanPart(start))
        {
            context.SetConstantOutput(index, constant.Part(start, shape));
        }
    }

    /// <summary>Makes an output of input elements at regular distances: a view if they lie in one piece, else a copy.</summary>
    /// <param name="context">The node that is lowered.</param>
    /// <param name="input">What to take elements from.</param>
    /// <param name="strides">For each dimension of the output, how many input elements lie between two neighbours.</param>
    /// <param name="start">The first element.</param>
    /// <param name="index">The output.</param>
    public static void Emit(LoweringContext context, PlanTensor input, ReadOnlySpan<long> strides, long start, int index)
    {
        Shape shape = context.OutputShape(index);
        if (shape.ElementCount == 0)
        {
            _ = context.Output(index);
        }
        else if (IsContiguous(shape, strides))
        {
            context.View(index, input, start * input.ElementType.SizeOf());
        }
        else
        {
            context.Emit(new StridedCopy(input.ElementType.SizeOf(), shape, strides, start), [input], [context.Output(index)]);
        }
    }

    private static (long[] Strides, long Start) Geometry(NodeContext context, SliceAttributes attributes)
    {
        long[] strides = context.InputShape(0).RowMajorStrides();
        long start = 0;
        for (int i = 0; i < strides.Length; i++)
        {
            start += attributes.Starts[i] * strides[i];
            strides[i] *= attributes.Steps[i];
        }

        return (strides, start);
    }

    private static bool IsContiguous(Shape shape, ReadOnlySpan<long> strides)
    {
        long[] contiguous = shape.RowMajorStrides();
        bool isContiguous = true;
        for (int i = 0; i < shape.Rank; i++)
        {
            isContiguous &= shape[i] == 1 || strides[i] == contiguous[i];
        }

        return isContiguous;
    }
}
