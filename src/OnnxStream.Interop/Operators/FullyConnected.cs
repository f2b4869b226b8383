using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: rows times a constant matrix, plus a constant bias if there is one, then an activation or a gate if there is one. Made by a pass.</summary>
/// <remarks>
/// The matrix is [K,N], or [N,K] if <c>transposed</c>. With a <c>gate</c>, an activation's kind, the second half of the N results is
/// activated and multiplied with the first: half as many numbers come out. An <c>activation</c>, a kind as well, treats all of them.
/// </remarks>
internal sealed class FullyConnected : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "FullyConnected";

    /// <summary>The function that results go through: a kind of <see cref="FusedActivation"/>, or empty.</summary>
    public const string ActivationAttribute = "activation";

    /// <inheritdoc/>
    public override bool CanReadHalf(Node node, int input) => input == 0;

    /// <inheritdoc/>
    public override bool CanWriteHalf(Node node) => true;

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
        PanelLayout layout = context.Attributes.Int("transposed", 0) != 0 ? PanelLayout.OutputMajor : PanelLayout.InputMajor;
        PanelWeights panels = context.Panels(context.ConstantInput(1), layout, outputs, inputs, bias: context.ConstantInput(2), isGated: IsGated(context));
        StorageTypes types = new(context.Input(0).ElementType, context.Output(0).ElementType) { StripeStride = context.Output(0).StripeStride };
        Kernel kernel = context.Attributes.String("gate", "") switch
        {
            "" => Create(context, panels, hasBias, rows, types),
            FusedActivation.Silu => new XnnGatedFullyConnected<SiluActivation>(panels, hasBias, rows, context.Workers, types),
            FusedActivation.Gelu => new XnnGatedFullyConnected<GeluActivation>(panels, hasBias, rows, context.Workers, types),
            FusedActivation.GeluTanh => new XnnGatedFullyConnected<GeluTanhActivation>(panels, hasBias, rows, context.Workers, types),
            FusedActivation.QuickGelu => new XnnGatedFullyConnected<QuickGeluActivation>(panels, hasBias, rows, context.Workers, types),
            var kind => throw context.Unsupported($"the activation '{kind}'"),
        };
        context.Emit(kernel, hasBias ? [context.Input(0), context.Input(2)] : [context.Input(0)], [context.Output(0)]);
    }

    /// <summary>The kernel for rows that go through the node's <c>activation</c>, or through none but between limits.</summary>
    public static XnnFullyConnected Create(
        LoweringContext context, PanelWeights panels, bool hasBias, long rows, StorageTypes types, float low = float.NegativeInfinity, float high = float.PositiveInfinity) => context.Attributes.String(ActivationAttribute, "") switch
    {
        "" => new XnnFullyConnected(panels, hasBias, rows, context.Workers, types, low, high),
        FusedActivation.Silu => new XnnActivatedFullyConnected<SiluActivation>(panels, hasBias, rows, context.Workers, types),
        FusedActivation.Gelu => new XnnActivatedFullyConnected<GeluActivation>(panels, hasBias, rows, context.Workers, types),
        FusedActivation.GeluTanh => new XnnActivatedFullyConnected<GeluTanhActivation>(panels, hasBias, rows, context.Workers, types),
        FusedActivation.QuickGelu => new XnnActivatedFullyConnected<QuickGeluActivation>(panels, hasBias, rows, context.Workers, types),
        var kind => throw context.Unsupported($"the activation '{kind}'"),
    };

    private static bool IsGated(NodeContext context) => context.Attributes.String("gate", "").Length > 0;

    private static (long Inputs, long Outputs) Size(NodeContext context)
    {
        Shape weight = context.InputShape(1);
        return weight.Rank != 2 ? throw context.Invalid("the weight must be a matrix") :
            context.Attributes.Int("transposed", 0) != 0 ? (weight[1], weight[0]) : (weight[0], weight[1]);
    }
}
