using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Convolution. https://onnx.ai/onnx/operators/onnx__Conv.html (opsets 1 to 22: only types were added).</summary>
/// <param name="channelsLast">Whether data is [N,H,W,C], as rewrites make it, instead of ONNX's [N,C,H,W].</param>
/// <remarks>
/// Channels-last, a <see cref="ConvFusion"/> may double height and width of the data first, each pixel becoming four, and limit the
/// results; those of a pointwise convolution may go through an activation instead.
/// Up to three spatial dimensions, any groups, strides, dilations and (asymmetric) pads. XNNPACK computes one and two
/// dimensions of single precision, on channels-last tensors, so data is transposed on the way in and out; a constant weight
/// without groups is streamed in panels. Three dimensions and other precisions are managed.
/// </remarks>
internal sealed class Conv(bool channelsLast = false) : Operator
{
    private static readonly Conv s_channelsLast = new(channelsLast: true);

    /// <inheritdoc/>
    public override bool CanReadStored(Node node, int input, RowFormat format) => input == 0 && CanWriteStored(node, format);

    /// <inheritdoc/>
    public override bool CanWriteStored(Node node, RowFormat format)
    {
        InferenceContext context = new(node);
        return channelsLast && Parse(context).Groups == 1 && Data(context)[1] > 1;
    }

    /// <inheritdoc/>
    public override bool CanWriteStripe(Node node) => channelsLast;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        (SpatialAttributes spatial, int groups) = Parse(context);
        Shape input = Data(context);
        Shape weight = context.InputShape(1);
        if (weight[1] * groups != input[1])
        {
            throw context.Invalid($"the input has {input[1]} channels, but the weight {weight} with {groups} group(s) wants {weight[1] * groups}");
        }

        if (weight[0] % groups != 0)
        {
            throw context.Invalid($"{weight[0]} output channels are not divisible into {groups} groups");
        }

        if (context.HasInput(2) && context.InputShape(2) != new Shape(weight[0]))
        {
            throw context.Invalid($"the bias must have the shape [{weight[0]}]");
        }

        if (context.InputElementType(1) != context.InputElementType(0) || (context.HasInput(2) && context.InputElementType(2) != context.InputElementType(0)))
        {
            throw context.Invalid("weight and bias must have the element type of the data");
        }

        long[] shape = new long[input.Rank];
        shape[0] = input[0];
        shape[1] = weight[0];
        for (int i = 2; i < shape.Length; i++)
        {
            shape[i] = spatial.OutputSize(context, i - 2, input[i]);
        }

        context.SetOutput(0, context.InputElementType(0), channelsLast ? ChannelsLast(new Shape(shape)) : new Shape(shape));
    }

    /// <summary>Whether a channels-last node can be told to send its results through an activation (<see cref="ConvFusion.Activation"/>).</summary>
    public static bool CanActivate(Node node)
    {
        InferenceContext context = new(node);
        (SpatialAttributes spatial, int groups) = s_channelsLast.Parse(context);
        return ConvFusion.Of(node).Limits is null && Choice(context, spatial, groups).Choose() == ConvolutionAlgorithm.Product;
    }

    /// <summary>Whether a channels-last node can be told to double its image while it reads it: Winograd's algorithm must compute it.</summary>
    public static bool CanUpsample(Node node)
    {
        InferenceContext context = new(node);
        (SpatialAttributes spatial, int groups) = s_channelsLast.Parse(context);
        return Choice(context, spatial, groups).Choose() == ConvolutionAlgorithm.Winograd;
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (SpatialAttributes spatial, int groups) = Parse(context);
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        if (!channelsLast && (output.ElementType != ElementType.Float32 || spatial.Kernel.Length > 2 || context.InputShape(0).ElementCount == 0))
        {
            LowerDirectly(context, spatial, groups);
            return;
        }

        PlanTensor data = channelsLast ? context.Input(0) : ToChannelsLast(context, context.Input(0));
        PlanTensor result = channelsLast ? output : context.Temporary(ElementType.Float32, ChannelsLast(output.Shape).Dimensions);
        Shape weightShape = context.InputShape(1);
        Shape image = IsUpsampled(context) ? ChannelsLast(Data(context)) : data.Shape;
        ConvolutionParameters parameters = Parameters(spatial.As2D(), groups);
        Constant? constant = context.ConstantInput(1);
        ConvolutionAlgorithm algorithm = new ConvolutionChoice(parameters, image, weightShape[0])
        {
            IsUpsampled = IsUpsampled(context),
            IsStored = context.UsesStore && constant is { Location: not null, IsPacked: false },
            IsQuantized = constant?.Location is not null && Panels(constant).Format.IsQuantized,
        }.Choose();

        // Weights of few channels, or of groups, are small: they are not divided into panels.
        bool isDivided = algorithm is not (ConvolutionAlgorithm.Patches or ConvolutionAlgorithm.SmallGroups or ConvolutionAlgorithm.Groups);
        Constant? streamed = isDivided && constant?.Location is not null ? constant : null;
        bool isStreamed = streamed is not null;
        PanelWeights weights = Panels(streamed);
        bool hasBias = context.HasInput(2);
        List<PlanTensor> inputs = [data];
        if (!isStreamed)
        {
            inputs.Add(context.Input(1));
        }

        if (hasBias)
        {
            inputs.Add(context.Input(2));
        }

        ConvFusion fusion = ConvFusion.Of(context.Node);
        (float low, float high) = fusion.Limits ?? ResultLimits.None;
        parameters = parameters with { Low = low, High = high };
        StorageTypes types = new(data.ElementType, result.ElementType) { StripeStride = result.StripeStride };
        bool isConstant = constant is not null;
        Kernel kernel = algorithm switch
        {
            ConvolutionAlgorithm.SmallGroups => GroupedConvolutionKernel.Create(weights, hasBias, image, parameters, types, isConstant),
            ConvolutionAlgorithm.Groups => new XnnGroupedConvolution2d(weights, hasBias, image, parameters, context.Workers, types, isConstant && (!hasBias || context.ConstantInput(2) is not null)),
            ConvolutionAlgorithm.Patches => new XnnPatchConvolution2d(weights, hasBias, image, parameters, context.Workers, types),
            ConvolutionAlgorithm.Product => FullyConnected.Create(fusion.Activation, weights, hasBias, image.Product(0, 3), context.Workers, types, low, high),
            ConvolutionAlgorithm.StreamedWinograd => new StreamedWinogradConvolutionKernel(weights, hasBias, image, parameters, context.Workers, types, IsUpsampled(context)),
            ConvolutionAlgorithm.Winograd => new WinogradConvolutionKernel(weights, hasBias, image, parameters, context.Workers, types, IsUpsampled(context)),
            _ when (!hasBias || !isConstant || context.ConstantInput(2) is not null) && XnnStripConvolution2d.IsWorthIt(weights.Format, parameters, image, weights.Outputs, types) => new XnnStripConvolution2d(weights, hasBias, image, parameters, context.Workers, types, IsUpsampled(context)),
            _ => new XnnConvolution2d(weights, hasBias, image, parameters, context.Workers, types, IsUpsampled(context)),
        };
        context.Emit(kernel, [.. inputs], [result]);
        if (!channelsLast)
        {
            FromChannelsLast(context, result, output);
        }

        PanelWeights Panels(Constant? weight) => context.Panels(
            weight, weight?.IsChannelsLast == true ? PanelLayout.OutputMajor : PanelLayout.OutputInputSpace,
            weightShape[0], weightShape[1], weightShape.Product(2, weightShape.Rank), context.ConstantInput(2));
    }

    // What XNNPACK does not compute.
    private static void LowerDirectly(LoweringContext context, SpatialAttributes spatial, int groups)
    {
        if (spatial.Kernel.Length > 3)
        {
            throw context.Unsupported($"{spatial.Kernel.Length} spatial dimensions");
        }

        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        PoolingGeometry geometry = new(
            output.Shape[0] * output.Shape[1], input.Shape.Dimensions[2..], output.Shape.Dimensions[2..], spatial.Kernel, spatial.Strides, spatial.Dilations, spatial.PadsBegin, spatial.PadsEnd);
        bool hasBias = context.HasInput(2);
        Kernel? kernel = DirectConvolutionKernel.Create(output.ElementType, geometry, input.Shape[1], output.Shape[1], groups, hasBias, isTransposed: false);
        context.Emit(
            kernel ?? throw context.Unsupported($"a convolution of {output.ElementType.ToOnnxName()} over {spatial.Kernel.Length} dimensions"),
            hasBias ? [input, context.Input(1), context.Input(2)] : [input, context.Input(1)], [output]);
    }

    /// <summary>The shape [N,H,W,C] of a tensor [N,C,H,W] or [N,C,W].</summary>
    public static Shape ChannelsLast(Shape shape) => shape.Rank == 3 ? new Shape(shape[0], 1, shape[2], shape[1]) : new Shape(shape[0], shape[2], shape[3], shape[1]);

    /// <summary>Emits what turns [N,C,H,W] or [N,C,W] into [N,H,W,C].</summary>
    public static PlanTensor ToChannelsLast(LoweringContext context, PlanTensor tensor)
    {
        PlanTensor image = tensor.Shape.Rank == 3 ? tensor.View(tensor.Name, tensor.Type with { Shape = new Shape(tensor.Shape[0], tensor.Shape[1], 1, tensor.Shape[2]) }) : tensor;
        return image.Shape[1] == 1 || image.Shape[2] * image.Shape[3] == 1
            ? image.View(image.Name, image.Type with { Shape = ChannelsLast(image.Shape) })
            : Transpose.Emit(context, image, [0, 2, 3, 1]);
    }

    /// <summary>Emits what turns [N,H,W,C] into <paramref name="output"/>.</summary>
    public static void FromChannelsLast(LoweringContext context, PlanTensor tensor, PlanTensor output) =>
        Transpose.Emit(context, tensor, [0, 3, 1, 2], output);

    /// <summary>The geometry as XNNPACK takes it.</summary>
    public static ConvolutionParameters Parameters(SpatialAttributes spatial, int groups) => new()
    {
        PaddingTop = (int)spatial.PadsBegin[0],
        PaddingLeft = (int)spatial.PadsBegin[1],
        PaddingBottom = (int)spatial.PadsEnd[0],
        PaddingRight = (int)spatial.PadsEnd[1],
        KernelHeight = (int)spatial.Kernel[0],
        KernelWidth = (int)spatial.Kernel[1],
        StrideHeight = (int)spatial.Strides[0],
        StrideWidth = (int)spatial.Strides[1],
        DilationHeight = (int)spatial.Dilations[0],
        DilationWidth = (int)spatial.Dilations[1],
        Groups = groups,
    };

    // Of a channels-last node, with its weight not in a store.
    private static ConvolutionChoice Choice(NodeContext context, SpatialAttributes spatial, int groups) =>
        new(Parameters(spatial.As2D(), groups), context.InputShape(0), context.InputShape(1)[0]);

    private Shape ChannelsFirst(Shape shape) => channelsLast && shape.Rank == 4 ? new Shape(shape[0], shape[3], shape[1], shape[2]) : shape;

    private static bool IsUpsampled(NodeContext context) => ConvFusion.Of(context.Node).IsUpsampled;

    // The shape of what is convolved, channels first.
    private Shape Data(NodeContext context)
    {
        Shape shape = ChannelsFirst(context.InputShape(0));
        return IsUpsampled(context) ? new Shape(shape[0], shape[1], checked(2 * shape[2]), checked(2 * shape[3])) : shape;
    }

    private (SpatialAttributes Spatial, int Groups) Parse(NodeContext context)
    {
        Shape input = Data(context);
        Shape weight = context.InputShape(1);
        if (input.Rank < 3 || weight.Rank != input.Rank)
        {
            throw context.Invalid("data and weight must have the same number of dimensions, at least three");
        }

        long[] kernel = [.. weight.Dimensions[2..]];
        if (context.Attributes.Ints("kernel_shape") is { Length: > 0 } declared && !declared.AsSpan().SequenceEqual(kernel))
        {
            throw context.Invalid($"kernel_shape [{Listing.Of(declared)}] is not the weight's [{Listing.Of(kernel)}]");
        }

        long groups = context.Attributes.Int("group", 1);
        if (groups < 1 || groups > weight[0])
        {
            throw context.Invalid($"{groups} groups are not possible");
        }

        return (SpatialAttributes.Parse(context, kernel, input.Dimensions[2..]), (int)groups);
    }
}
