using System.Numerics;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>MaxPool, AveragePool, LpPool and their global forms. https://onnx.ai/onnx/operators/onnx__MaxPool.html</summary>
/// <param name="function">What a window becomes.</param>
/// <param name="isGlobal">Whether there is one window: the whole input.</param>
/// <param name="channelsLast">Whether data is a single-precision [N,H,W,C], as rewrites make it, instead of ONNX's [N,C,…].</param>
/// <remarks>
/// Up to three spatial dimensions (any number for the global ones). MaxPool: opset 8 brought indices, 10 dilations and
/// <c>ceil_mode</c>, 12 8-bit integers. AveragePool: 7 <c>count_include_pad</c>, 10 <c>ceil_mode</c>, 19 dilations. LpPool: 18
/// dilations and <c>ceil_mode</c>. Managed kernels compute all of them: XNNPACK's know fewer windows, and on x86 use vectors of four numbers.
/// A window with NaN becomes NaN.
/// </remarks>
internal sealed class Pool(PoolFunction function, bool isGlobal, bool channelsLast = false) : Operator
{
    /// <inheritdoc/>
    public override bool CanWriteStripe(Node node) => channelsLast && IsFloat(node);

    /// <inheritdoc/>
    public override bool CanReadStripe(Node node, int input) => channelsLast && input == 0 && IsFloat(node);

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType type = context.InputElementType(0);
        if (!type.IsFloat() && !(function == PoolFunction.Max && type is ElementType.Int8 or ElementType.UInt8))
        {
            throw context.Invalid($"elements of type {type.ToOnnxName()} cannot be pooled");
        }

        Shape input = ChannelsFirst(context.InputShape(0));
        if (input.Rank < 3)
        {
            throw context.Invalid("the input must have at least three dimensions");
        }

        if (function == PoolFunction.Lp && context.Attributes.Int("p", 2) < 1)
        {
            throw context.Invalid($"p is {context.Attributes.Int("p", 2)}, it must be positive");
        }

        long[] shape = input.ToArray();
        if (isGlobal)
        {
            Array.Fill(shape, 1, 2, shape.Length - 2);
        }
        else
        {
            SpatialAttributes spatial = Parse(context);
            for (int i = 2; i < shape.Length; i++)
            {
                shape[i] = spatial.OutputSize(context, i - 2, input[i], context.Attributes.Int("ceil_mode", 0) != 0);
            }
        }

        context.SetOutput(0, type, channelsLast ? Conv.ChannelsLast(new Shape(shape)) : new Shape(shape));
        if (function == PoolFunction.Max && !isGlobal)
        {
            context.SetOutput(1, ElementType.Int64, new Shape(shape));
        }
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        Shape shape = input.Shape;
        if (channelsLast)
        {
            LowerChannelsLast(context);
            return;
        }

        if (isGlobal && (function != PoolFunction.Lp || context.Attributes.Int("p", 2) <= 2 || shape.Product(2, shape.Rank) == 0))
        {
            // A reduction: it knows any number of dimensions.
            bool[] isReduced = new bool[shape.Rank];
            Array.Fill(isReduced, true, 2, shape.Rank - 2);
            ReduceFunction reduction = function switch
            {
                PoolFunction.Max => ReduceFunction.Max,
                PoolFunction.Average => ReduceFunction.Mean,
                _ => context.Attributes.Int("p", 2) == 1 ? ReduceFunction.L1 : ReduceFunction.L2,
            };
            Reduce.Emit(context, reduction, input, isReduced, context.Output(0));
            return;
        }

        if (shape.Rank > 5 && !isGlobal)
        {
            throw context.Unsupported($"pooling over {shape.Rank - 2} dimensions");
        }

        PlanTensor output = context.HasOutput(0) ? context.Output(0) : context.Temporary(input.ElementType, context.Output(1).Shape.Dimensions);
        long planes = shape[0] * shape[1];
        PoolingGeometry geometry;
        if (isGlobal)
        {
            long length = shape.Product(2, shape.Rank);
            geometry = new PoolingGeometry(planes, [length], [1], [length], [1], [1], [0], [0]);
        }
        else
        {
            SpatialAttributes spatial = Parse(context);
            geometry = new PoolingGeometry(planes, shape.Dimensions[2..], output.Shape.Dimensions[2..], spatial.Kernel, spatial.Strides, spatial.Dilations, spatial.PadsBegin, spatial.PadsEnd);
        }

        bool hasIndices = context.HasOutput(1);
        Factory factory = new(function, geometry, hasIndices, context.Attributes);
        context.Emit(
            NumericKernels.Create(input.ElementType, factory) ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"),
            [input], hasIndices ? [output, context.Output(1)] : [output]);
    }

    private void LowerChannelsLast(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        long channels = input.Shape[3];
        SpatialAttributes spatial = Parse(context);
        PoolingGeometry geometry = new(
            input.Shape[0], input.Shape.Dimensions[1..3], output.Shape.Dimensions[1..3], spatial.Kernel, spatial.Strides, spatial.Dilations, spatial.PadsBegin, spatial.PadsEnd);
        bool includesPads = context.Attributes.Int("count_include_pad", 0) != 0;
        Kernel kernel = input.ElementType == ElementType.UInt8 ? new ChannelsLastMaximumKernel<byte>(geometry, channels)
            : input.ElementType == ElementType.Int8 ? new ChannelsLastMaximumKernel<sbyte>(geometry, channels)
            : function == PoolFunction.Max
            ? new ChannelsLastPoolingKernel<MaximumChannelPooling>(geometry, channels, includePads: false, input.RowStride, output.RowStride)
            : new ChannelsLastPoolingKernel<AverageChannelPooling>(geometry, channels, includesPads, input.RowStride, output.RowStride);
        context.Emit(kernel, [input], [output]);
    }

    private static bool IsFloat(Node node) => node.Inputs[0]!.Type!.Value.ElementType.IsFloat();

    private Shape ChannelsFirst(Shape shape) => channelsLast && shape.Rank == 4 ? new Shape(shape[0], shape[3], shape[1], shape[2]) : shape;

    private SpatialAttributes Parse(NodeContext context)
    {
        Shape input = ChannelsFirst(context.InputShape(0));
        long[] kernel = context.Attributes.Ints("kernel_shape") ?? throw context.Invalid("attribute 'kernel_shape' is missing");
        return kernel.Length == input.Rank - 2
            ? SpatialAttributes.Parse(context, kernel, input.Dimensions[2..])
            : throw context.Invalid($"kernel_shape [{Listing.Of(kernel)}] does not fit an input with {input.Rank - 2} spatial dimensions");
    }

    private readonly struct Factory(PoolFunction function, PoolingGeometry geometry, bool hasIndices, Graphs.Attributes attributes) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => function switch
            {
                PoolFunction.Max when hasIndices => new MaxPoolingIndicesKernel<T>(geometry, attributes.Int("storage_order", 0) != 0),
                PoolFunction.Max => new PoolingKernel<T, T, MaximumPooling<T>>(geometry, default, includePads: false),
                PoolFunction.Lp => new PoolingKernel<T, double, LpPooling>(geometry, new LpPooling(attributes.Int("p", 2)), includePads: false),
                _ when typeof(T) == typeof(Half) => new PoolingKernel<T, float, AveragePooling<float>>(geometry, default, IncludesPads()),
                _ => new PoolingKernel<T, T, AveragePooling<T>>(geometry, default, IncludesPads()),
            };

        private bool IncludesPads() => attributes.Int("count_include_pad", 0) != 0;
    }
}

/// <summary>The functions of <see cref="Pool"/>.</summary>
internal enum PoolFunction
{
    Max,
    Average,
    Lp,
}
