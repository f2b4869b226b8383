using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Transposed convolution. https://onnx.ai/onnx/operators/onnx__ConvTranspose.html (opsets 1 to 22: only types were added).</summary>
/// <remarks>
/// Up to three spatial dimensions, any groups. One or two dimensions of single precision are XNNPACK's, with data and weight
/// transposed to what it wants; the rest is managed.
/// </remarks>
internal sealed class ConvTranspose : Operator
{
    private readonly record struct TransposeAttributes(SpatialAttributes Spatial, int Groups, long[] Output, long[] Adjustment);

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        TransposeAttributes attributes = Parse(context);
        Shape input = context.InputShape(0);
        Shape weight = context.InputShape(1);
        long outputs = weight[1] * attributes.Groups;
        if (context.InputElementType(1) != context.InputElementType(0) || (context.HasInput(2) && context.InputType(2) != new TensorType(context.InputElementType(0), new Shape(outputs))))
        {
            throw context.Invalid($"weight and bias must have the type of the data, and the bias the shape [{outputs}]");
        }

        context.SetOutput(0, context.InputElementType(0), new Shape([input[0], outputs, .. attributes.Output]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        TransposeAttributes attributes = Parse(context);
        SpatialAttributes spatial = attributes.Spatial;
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        bool hasBias = context.HasInput(2);
        bool isXnnpack = input.ElementType == ElementType.Float32 && input.ElementCount > 0 && spatial.Kernel.Length <= 2;
        for (int i = 0; i < spatial.Kernel.Length; i++)
        {
            // Unusual geometries: the first XNNPACK refuses, of the second it computes more than there is, and overwrites what is behind.
            isXnnpack &= attributes.Adjustment[i] < spatial.Strides[i] && output.Shape[i + 2] >= spatial.Strides[i];
        }

        if (!isXnnpack)
        {
            PoolingGeometry geometry = new(
                output.Shape[0] * output.Shape[1], input.Shape.Dimensions[2..], output.Shape.Dimensions[2..], spatial.Kernel, spatial.Strides, spatial.Dilations, spatial.PadsBegin, spatial.PadsEnd);
            Kernel? direct = spatial.Kernel.Length > 3 ? null : DirectConvolutionKernel.Create(input.ElementType, geometry, input.Shape[1], output.Shape[1], attributes.Groups, hasBias, isTransposed: true);
            context.Emit(
                direct ?? throw context.Unsupported($"a transposed convolution of {input.ElementType.ToOnnxName()} over {spatial.Kernel.Length} dimensions"),
                hasBias ? [input, context.Input(1), context.Input(2)] : [input, context.Input(1)], [output]);
            return;
        }

        // [C, M/group, space], with C groups of inputs, to [M, space, C/group].
        PlanTensor weight = context.Input(1);
        long space = weight.Shape.Product(2, weight.Shape.Rank);
        long inputsPerGroup = weight.Shape[0] / attributes.Groups;
        PlanTensor grouped = weight.View(weight.Name, weight.Type with { Shape = new Shape(attributes.Groups, inputsPerGroup, weight.Shape[1], space) });
        PlanTensor turned = Transpose.Emit(context, grouped, [0, 2, 3, 1]);
        PlanTensor data = Conv.ToChannelsLast(context, input);
        PlanTensor result = context.Temporary(ElementType.Float32, Conv.ChannelsLast(output.Shape).Dimensions);
        PanelWeights weights = new(null, PanelLayout.OutputMajor, (int)output.Shape[1], (int)inputsPerGroup, (int)space);
        (int Height, int Width) adjustment = attributes.Adjustment.Length == 1 ? (0, (int)attributes.Adjustment[0]) : ((int)attributes.Adjustment[0], (int)attributes.Adjustment[1]);
        context.Emit(
            new XnnGroupedConvolution2d(weights, hasBias, data.Shape, Conv.Parameters(spatial.As2D(), attributes.Groups), context.Workers, transposed: true, adjustment: adjustment),
            hasBias ? [data, turned, context.Input(2)] : [data, turned], [result]);
        Conv.FromChannelsLast(context, result, output);
    }

    private static TransposeAttributes Parse(NodeContext context)
    {
        Shape input = context.InputShape(0);
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
        if (groups < 1 || groups > int.MaxValue || weight[0] != input[1] || input[1] % groups != 0)
        {
            throw context.Invalid($"the weight {weight} with {groups} group(s) does not fit data with {input[1]} channels");
        }

        SpatialAttributes spatial = SpatialAttributes.Parse(context, kernel, input.Dimensions[2..]);
        int rank = kernel.Length;
        long[] adjustment = [.. context.Attributes.Ints("output_padding") is { Length: > 0 } given ? given : new long[rank]];
        long[]? requested = context.Attributes.Ints("output_shape") is { Length: > 0 } shape ? shape[Math.Max(0, shape.Length - rank)..] : null;
        if (adjustment.Length != rank || (requested is not null && requested.Length != rank))
        {
            throw context.Invalid($"output_padding and output_shape must have {rank} elements");
        }

        string automatic = context.Attributes.String("auto_pad", "NOTSET");
        long[] output = new long[rank];
        long[] begin = new long[rank];
        long[] end = new long[rank];
        for (int i = 0; i < rank; i++)
        {
            if (adjustment[i] is < 0 or > SpatialAttributes.Largest)
            {
                throw context.Invalid($"output_padding [{Listing.Of(adjustment)}] is not possible");
            }

            // What the output is without pads; what is asked for beyond it is left as the bias, what is less is cut off.
            long full = checked((input[i + 2] - 1) * spatial.Strides[i] + adjustment[i] + (kernel[i] - 1) * spatial.Dilations[i] + 1);
            long? wanted = requested?[i] ?? (automatic is "SAME_UPPER" or "SAME_LOWER" ? Math.Min(full, input[i + 2] * spatial.Strides[i]) : null);
            if (wanted is { } size)
            {
                long total = Math.Max(0, full - size);
                begin[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
                end[i] = total - begin[i];
                output[i] = size;
                adjustment[i] += Math.Max(0, size - full);
            }
            else
            {
                (begin[i], end[i]) = (spatial.PadsBegin[i], spatial.PadsEnd[i]);
                output[i] = full - begin[i] - end[i];
            }

            if (output[i] is < 1 or > int.MaxValue)
            {
                throw context.Invalid($"the output would have {output[i]} elements along spatial dimension {i}");
            }
        }

        return new TransposeAttributes(spatial with { PadsBegin = begin, PadsEnd = end }, (int)groups, output, adjustment);
    }
}
