using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: 8-bit integers times constant 8-bit integers, a product of matrices or a convolution without groups, whose sums are exact. All spellings of such products come to it.</summary>
/// <remarks>
/// Inputs are those of <see cref="QuantizedOperands"/>, in the order of <see cref="QuantizedOperands.Inputs"/>; <see cref="QuantizedProductFusion"/> says what it is. Results are
/// (Σ (x - zero point) (w - zero point)) * scale of x * scale of w + bias, then limited, then quantized where they are 8-bit integers. A convolution has the attributes of Conv.
/// </remarks>
internal sealed class QuantizedProduct : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "QuantizedProduct";

    private const int Scale = 1;
    private const int Zero = 2;
    private const int Weight = 3;
    private const int WeightScale = 4;
    private const int WeightZero = 5;
    private const int Bias = 6;
    private const int ResultScale = 7;
    private const int ResultZero = 8;

    /// <summary>Whether this operator computes a product. Others are computed by nodes for the parts that they are made of.</summary>
    /// <param name="operands">What is multiplied.</param>
    /// <param name="fusion">How.</param>
    /// <param name="groups">The groups of a convolution.</param>
    public static bool Takes(QuantizedOperands operands, QuantizedProductFusion fusion, long groups = 1)
    {
        TensorType data = operands.Data.Type!.Value;
        if (operands.Weight.Constant is not { IsConverted: false, IsChannelsLast: false } weight || !IsByte(data) || !IsByte(weight.Type) || groups != 1 || !XnnQuantizedProduct.IsExact(weight.Type.ElementType) || data.Shape.ElementCount == 0 || weight.Type.Shape.ElementCount == 0)
        {
            return false;
        }

        Shape shape = weight.Type.Shape;
        long outputs;
        if (fusion.IsConvolution)
        {
            outputs = shape[0];
            if (shape.Rank is not (3 or 4) || data.Shape.Rank != shape.Rank || data.Shape[fusion.IsChannelsLast ? data.Shape.Rank - 1 : 1] != shape[1])
            {
                return false;
            }
        }
        else
        {
            if (shape.Rank != 2 || data.Shape.Rank == 0 || data.Shape[^1] != shape[fusion.IsTransposed ? 1 : 0])
            {
                return false;
            }

            outputs = shape[fusion.IsTransposed ? 0 : 1];
        }

        long perOutput = weight.Type.Shape.ElementCount / Math.Max(1, outputs);
        return perOutput <= XnnQuantizedProduct.MostPerOutput && (fusion.Result != ElementType.Int32 || XnnQuantizedProduct.CanSum(perOutput)) &&
            IsSingle(operands.Scale, ElementType.Float32) && IsSingle(operands.Zero, data.ElementType) &&
            IsPerChannel(operands.WeightScale, ElementType.Float32) && IsPerChannel(operands.WeightZero, weight.Type.ElementType) &&
            (operands.Bias is null || (operands.Bias.Constant is { IsConverted: false } bias && bias.Type == new TensorType(ElementType.Float32, new Shape(outputs)))) &&
            IsSingle(operands.ResultScale, ElementType.Float32) && IsSingle(operands.ResultZero, fusion.Result);

        bool IsPerChannel(Value? value, ElementType type) =>
            value is null || (value.Constant is { IsConverted: false } constant && constant.Type.ElementType == type && (constant.Type.Shape.ElementCount == 1 || constant.Type.Shape == new Shape(outputs)));
    }

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        QuantizedProductFusion fusion = context.Fusion<QuantizedProductFusion>();
        Shape data = context.InputShape(0);
        Shape weight = context.InputShape(Weight);
        if (!fusion.IsConvolution)
        {
            context.SetOutput(0, fusion.Result, data.With(data.Rank - 1, weight[fusion.IsTransposed ? 0 : 1]));
            return;
        }

        Shape image = ChannelsFirst(data, fusion);
        SpatialAttributes spatial = Parse(context, image);
        long[] shape = [image[0], weight[0], .. image.Dimensions[2..]];
        for (int i = 2; i < shape.Length; i++)
        {
            shape[i] = spatial.OutputSize(context, i - 2, image[i]);
        }

        context.SetOutput(0, fusion.Result, fusion.IsChannelsLast ? Conv.ChannelsLast(new Shape(shape)) : new Shape(shape));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        QuantizedProductFusion fusion = context.Fusion<QuantizedProductFusion>();
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        PlanTensor data = context.Input(0);
        if (!fusion.IsConvolution)
        {
            Shape matrix = context.InputShape(Weight);
            long inputs = data.Shape[^1];
            Emit(context, data, new MatrixProduct(inputs), data.ElementCount / inputs, fusion.IsTransposed ? PanelLayout.OutputMajor : PanelLayout.InputMajor, output);
            return;
        }

        ConvolutionParameters parameters = Conv.Parameters(Parse(context, ChannelsFirst(data.Shape, fusion)).As2D(), groups: 1);
        PlanTensor image = fusion.IsChannelsLast ? data : Conv.ToChannelsLast(context, data);
        PlanTensor result = fusion.IsChannelsLast ? output : context.Temporary(output.ElementType, Conv.ChannelsLast(output.Shape).Dimensions);
        PanelProduct product = parameters.IsPointwise ? new MatrixProduct(image.Shape[3]) : new ConvolutionProduct(parameters, image.Shape);
        Emit(context, image, product, image.Shape.Product(0, 3), PanelLayout.OutputInputSpace, result);
        if (!fusion.IsChannelsLast)
        {
            Conv.FromChannelsLast(context, result, output);
        }
    }

    private static void Emit(LoweringContext context, PlanTensor data, PanelProduct product, long rows, PanelLayout layout, PlanTensor output)
    {
        QuantizedProductFusion fusion = context.Fusion<QuantizedProductFusion>();
        Constant weight = context.ConstantInput(Weight)!;
        Shape shape = weight.Type.Shape;
        (long outputs, long inputs, long space) = fusion.IsConvolution ? (shape[0], shape[1], shape.Product(2, shape.Rank)) : fusion.IsTransposed ? (shape[0], shape[1], 1L) : (shape[1], shape[0], 1L);
        float[] scales = new float[outputs];
        Spread(context.HasInput(WeightScale) ? context.RequireFloats(WeightScale) : [1], scales);
        (float low, float high) = fusion.Limits ?? ResultLimits.None;
        QuantizedResults results = new() { Type = fusion.Result, Scales = scales, Corrections = Corrections(context, weight.Type.ElementType, outputs), Low = low, High = high };
        bool isPacked = results.IsScaledByProduct;
        bool hasBias = context.HasInput(Bias);
        if (isPacked)
        {
            product = product with { Low = low, High = high };
        }
        else
        {
            results = results with { Bias = hasBias ? context.RequireFloats(Bias) : null };
            scales = new float[outputs];
            Array.Fill(scales, 1);
        }

        List<PlanTensor> operands = weight.Location is null ? [data, context.Input(Weight)] : [data];
        hasBias &= isPacked;
        if (hasBias)
        {
            operands.Add(context.Input(Bias));
        }

        QuantizedInputs places = new(Add(Scale), Add(Zero), Add(ResultScale), Add(ResultZero));
        PanelWeights panels = context.Panels(weight, layout, outputs, inputs, space, hasBias ? context.ConstantInput(Bias) : null, integers: new GivenIntegers(scales, weight.Type.ElementType == ElementType.UInt8));
        context.Emit(new XnnQuantizedProduct(panels, hasBias, product, rows, data.ElementType == ElementType.UInt8, places, results, context.Workers), [.. operands], [output]);

        int Add(int input)
        {
            if (!context.HasInput(input))
            {
                return -1;
            }

            operands.Add(context.Input(input));
            return operands.Count - 1;
        }
    }

    // Packed integers are those of the weight, or less 128: what is missing to the difference of a weight and its zero point. Null if nothing is.
    private static float[]? Corrections(LoweringContext context, ElementType type, long outputs)
    {
        const int Flipped = -sbyte.MinValue;
        bool isUnsigned = type == ElementType.UInt8;
        byte[] zeros = context.HasInput(WeightZero) ? context.RequireBytes(WeightZero) : [0];
        float[] corrections = new float[outputs];
        Spread(Array.ConvertAll(zeros, zero => isUnsigned ? Flipped - zero : (float)-(sbyte)zero), corrections);
        return Array.TrueForAll(corrections, correction => correction == 0) ? null : corrections;
    }

    private static void Spread(float[] given, float[] all)
    {
        if (given.Length == 1)
        {
            Array.Fill(all, given[0]);
        }
        else
        {
            given.CopyTo(all, 0);
        }
    }

    private static bool IsByte(TensorType type) => type.ElementType is ElementType.UInt8 or ElementType.Int8;

    private static bool IsSingle(Value? value, ElementType type) => value is null || (value.Type!.Value is var given && given.ElementType == type && given.Shape.ElementCount == 1);

    private static Shape ChannelsFirst(Shape shape, QuantizedProductFusion fusion) => fusion.IsChannelsLast ? new Shape(shape[0], shape[3], shape[1], shape[2]) : shape;

    private static SpatialAttributes Parse(NodeContext context, Shape image)
    {
        long[] kernel = [.. context.InputShape(Weight).Dimensions[2..]];
        return context.Attributes.Ints("kernel_shape") is { Length: > 0 } declared && !declared.AsSpan().SequenceEqual(kernel)
            ? throw context.Invalid($"kernel_shape [{Listing.Of(declared)}] is not the weight's [{Listing.Of(kernel)}]")
            : SpatialAttributes.Parse(context, kernel, image.Dimensions[2..]);
    }
}
