using System.Numerics;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>ReduceMean, ReduceSum, ReduceMax and their siblings: https://onnx.ai/onnx/operators/onnx__ReduceMean.html</summary>
/// <remarks>
/// Axes became an input with opset 13 (ReduceSum) and 18 (the others), which also brought <c>noop_with_empty_axes</c>; 20 added
/// bool to ReduceMax and ReduceMin. All number types. Sums and means of few single-precision numbers are XNNPACK's; others of
/// floating-point numbers are made in double precision.
/// </remarks>
internal sealed class Reduce(ReduceFunction function) : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        bool isExtremum = function is ReduceFunction.Max or ReduceFunction.Min;
        ElementType type = context.InputElementType(0);
        if (!type.IsFloat() && !type.IsInteger() && !(isExtremum && type == ElementType.Bool))
        {
            throw context.Invalid($"elements of type {type.ToOnnxName()} cannot be reduced");
        }

        Shape input = context.InputShape(0);
        bool[] isReduced = IsReduced(context);
        bool keep = KeepsDimensions(context);
        List<long> shape = [];
        for (int i = 0; i < isReduced.Length; i++)
        {
            if (!isReduced[i] || keep)
            {
                shape.Add(isReduced[i] ? 1 : input[i]);
            }
        }

        context.SetOutput(0, type, new Shape([.. shape]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Emit(context, function, context.Input(0), IsReduced(context), context.Output(0));
    }

    /// <summary>Emits the step that reduces dimensions of a tensor.</summary>
    public static void Emit(LoweringContext context, ReduceFunction function, PlanTensor input, bool[] isReduced, PlanTensor output)
    {
        ElementType type = input.ElementType == ElementType.Bool ? ElementType.UInt8 : input.ElementType;
        Kernel kernel = NumericKernels.Create(type, new Factory(function, input.Shape, isReduced)) ??
            throw context.Unsupported($"element type {type.ToOnnxName()}");

        // XNNPACK's preparation of a reduction of more elements does not come to an end.
        if (function is ReduceFunction.Mean or ReduceFunction.Sum && input.ElementType == ElementType.Float32 && input.ElementCount <= int.MaxValue && XnnReduce.Supports(input.Shape, isReduced))
        {
            kernel = new XnnReduce(function == ReduceFunction.Mean, input.Shape, isReduced, kernel, context.Workers);
        }

        context.Emit(kernel, [input], [output]);
    }

    private bool HasAxesInput(NodeContext context) => context.OperatorSet >= (function == ReduceFunction.Sum ? 13 : 18);

    private static bool KeepsDimensions(NodeContext context) => context.Attributes.Int("keepdims", 1) != 0;

    private bool[] IsReduced(NodeContext context)
    {
        int rank = context.InputShape(0).Rank;
        bool[] isReduced = new bool[rank];
        long[]? axes = !HasAxesInput(context) ? context.Attributes.Ints("axes") : context.HasInput(1) ? context.RequireIntegers(1) : null;
        if (axes is not { Length: > 0 })
        {
            Array.Fill(isReduced, !HasAxesInput(context) || context.Attributes.Int("noop_with_empty_axes", 0) == 0);
            return isReduced;
        }

        foreach (int axis in context.Axes(axes, rank))
        {
            isReduced[axis] = true;
        }

        return isReduced;
    }

    private readonly struct Factory(ReduceFunction function, Shape input, bool[] isReduced) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
            typeof(T) == typeof(Half) && function == ReduceFunction.Max ? new ReduceKernel<T, float, MaximumReduction<float>>(input, isReduced) :
            typeof(T) == typeof(Half) && function == ReduceFunction.Min ? new ReduceKernel<T, float, MinimumReduction<float>>(input, isReduced) :
            function == ReduceFunction.Max ? new ReduceKernel<T, T, MaximumReduction<T>>(input, isReduced) :
            function == ReduceFunction.Min ? new ReduceKernel<T, T, MinimumReduction<T>>(input, isReduced) :
            function == ReduceFunction.L2 ? new ReduceKernel<T, double, L2Reduction>(input, isReduced) :
            function == ReduceFunction.LogSum ? new ReduceKernel<T, double, LogSumReduction>(input, isReduced) :
            function == ReduceFunction.LogSumExp ? new ReduceKernel<T, double, LogSumExpReduction>(input, isReduced) :
            T.One / (T.One + T.One) != T.Zero ? Create<T, double>() :
            T.Zero - T.One > T.Zero ? Create<T, ulong>() : Create<T, long>();

        private Kernel Create<T, TWide>()
            where T : unmanaged, INumber<T>
            where TWide : unmanaged, INumber<TWide>, IMinMaxValue<TWide> => function switch
            {
                ReduceFunction.Mean => new ReduceKernel<T, TWide, MeanReduction<TWide>>(input, isReduced),
                ReduceFunction.Sum => new ReduceKernel<T, TWide, SumReduction<TWide>>(input, isReduced),
                ReduceFunction.Prod => new ReduceKernel<T, TWide, ProductReduction<TWide>>(input, isReduced),
                ReduceFunction.L1 => new ReduceKernel<T, TWide, L1Reduction<TWide>>(input, isReduced),
                _ => new ReduceKernel<T, TWide, SumSquareReduction<TWide>>(input, isReduced),
            };
    }
}

/// <summary>The functions of <see cref="Reduce"/>.</summary>
internal enum ReduceFunction
{
    Mean,
    Sum,
    Max,
    Min,
    Prod,
    L1,
    L2,
    LogSum,
    LogSumExp,
    SumSquare,
}
