using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: rows times a constant matrix, plus a constant bias if there is one, then an activation or a gate if there is one. Made by a pass.</summary>
/// <remarks>
/// The matrix is [K,N], or [N,K] if the <see cref="FullyConnectedFusion"/> says so. With a gate, the second half of the N results is
/// activated and multiplied with the first: half as many numbers come out. An activation treats all of them.
/// </remarks>
internal sealed class FullyConnected : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "FullyConnected";

    /// <inheritdoc/>
    public override bool CanReadStored(Node node, int input, RowFormat format) => input == 0;

    /// <inheritdoc/>
    public override bool CanWriteStored(Node node, RowFormat format) => format.Together == 1 || !IsGated(new InferenceContext(node));

    /// <inheritdoc/>
    public override bool CanWriteStripe(Node node) => !IsGated(new InferenceContext(node));

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        (long inputs, long outputs) = Size(context);
        if (input.Rank == 0 || input[^1] != inputs || (context.HasInput(2) && context.InputShape(2) != new Shape(outputs)) || context.ConstantInput(1) is null || (IsGated(context) && outputs % 2 != 0))
        {
            throw context.Invalid("data, constant weight and bias do not fit together");
        }

        context.SetOutput(0, ElementType.Float32, input.With(input.Rank - 1, IsGated(context) ? outputs / 2 : outputs));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        long rows = input.Product(0, input.Rank - 1);
        (long inputs, long outputs) = Size(context);
        bool hasBias = context.HasInput(2);
        FullyConnectedFusion fusion = context.Fusion<FullyConnectedFusion>();
        PanelLayout layout = fusion.IsTransposed ? PanelLayout.OutputMajor : PanelLayout.InputMajor;
        PanelWeights panels = context.Panels(context.ConstantInput(1), layout, outputs, inputs, bias: context.ConstantInput(2), isGated: IsGated(context));
        StorageTypes types = new(context.Input(0).ElementType, context.Output(0).ElementType) { StripeStride = context.Output(0).StripeStride };
        PlanTensor output = context.Output(0);
        if (layout == PanelLayout.OutputMajor && fusion.Gate is null && !types.Expands && !types.Rounds && (fusion.Activation is null || types.StripeStride == 0) && QuantizedRowsKernel.MostRows >= rows)
        {
            PlanTensor product = fusion.Activation is null || !IsUsedWhereItLies(context, context.ConstantInput(1)!) ? output : context.Temporary(output.Type);
            if (TryEmitFewRows(context, context.ConstantInput(1)!, context.Input(0), hasBias ? context.Input(2) : null, rows, product, types.StripeStride))
            {
                if (fusion.Activation is { } activation)
                {
                    context.Emit(FusedActivation.CreateKernel(activation, rows, outputs, isGated: false), [product], [output]);
                }

                return;
            }
        }

        Kernel kernel = fusion.Gate switch
        {
            null => Create(fusion.Activation, panels, hasBias, rows, context.Workers, types),
            ActivationKind.Silu => new XnnGatedFullyConnected<SiluActivation>(panels, hasBias, rows, context.Workers, types),
            ActivationKind.Gelu => new XnnGatedFullyConnected<GeluActivation>(panels, hasBias, rows, context.Workers, types),
            ActivationKind.GeluTanh => new XnnGatedFullyConnected<GeluTanhActivation>(panels, hasBias, rows, context.Workers, types),
            ActivationKind.QuickGelu => new XnnGatedFullyConnected<QuickGeluActivation>(panels, hasBias, rows, context.Workers, types),
            var kind => throw new InvalidOperationException($"There is no kernel for the activation {kind}."),
        };
        context.Emit(kernel, hasBias ? [context.Input(0), context.Input(2)] : [context.Input(0)], [context.Output(0)]);
    }

    /// <summary>Emits the step for a few rows times a quantized weight [N, K] that is used where it lies; false where packed panels are needed or quicker.</summary>
    public static bool TryEmitFewRows(LoweringContext context, Constant weight, PlanTensor data, PlanTensor? bias, long rows, PlanTensor output, long resultStride = 0)
    {
        if (rows > QuantizedRowsKernel.MostRows || !IsUsedWhereItLies(context, weight))
        {
            return false;
        }

        Kernel kernel = EncodedRowsKernel.CanCompute(weight)
            ? new EncodedRowsKernel(weight, bias is not null, rows, context.Workers, resultStride)
            : new QuantizedRowsKernel(weight, bias is not null, rows, context.Workers, resultStride);
        context.Emit(kernel, bias is null ? [data] : [data, bias], [output]);
        return true;
    }

    // Panels of half precision that a store has are quicker than the weight.
    private static bool IsUsedWhereItLies(LoweringContext context, Constant weight) =>
        QuantizedRowsKernel.CanCompute(weight) || (EncodedRowsKernel.CanCompute(weight) && (weight.Encoding is not null || !context.UsesStore));

    /// <summary>The kernel for rows that go through an activation, or through none but between limits.</summary>
    public static XnnFullyConnected Create(
        ActivationKind? activation, PanelWeights panels, bool hasBias, long rows, WorkerPool workers, StorageTypes types, float low = float.NegativeInfinity, float high = float.PositiveInfinity) => activation switch
    {
        null => new XnnFullyConnected(panels, hasBias, rows, workers, types, low, high),
        ActivationKind.Silu => new XnnActivatedFullyConnected<SiluActivation>(panels, hasBias, rows, workers, types),
        ActivationKind.Gelu => new XnnActivatedFullyConnected<GeluActivation>(panels, hasBias, rows, workers, types),
        ActivationKind.GeluTanh => new XnnActivatedFullyConnected<GeluTanhActivation>(panels, hasBias, rows, workers, types),
        ActivationKind.QuickGelu => new XnnActivatedFullyConnected<QuickGeluActivation>(panels, hasBias, rows, workers, types),
        var kind => throw new InvalidOperationException($"There is no kernel for the activation {kind}."),
    };

    private static bool IsGated(NodeContext context) => context.Fusion<FullyConnectedFusion>().Gate is not null;

    private static (long Inputs, long Outputs) Size(NodeContext context)
    {
        Shape weight = context.InputShape(1);
        return weight.Rank != 2 ? throw context.Invalid("the weight must be a matrix") :
            context.Fusion<FullyConnectedFusion>().IsTransposed ? (weight[1], weight[0]) : (weight[0], weight[1]);
    }
}
