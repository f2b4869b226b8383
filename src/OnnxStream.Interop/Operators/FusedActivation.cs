using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: SiLU or one of the GELUs, in single precision. Made by the pass that fuses activations.</summary>
internal sealed class FusedActivation : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "Activation";

    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

    /// <inheritdoc/>
    public override bool CanReadStored(Node node, int input, RowFormat format) => node.Inputs[input]!.Type!.Value.Shape.Rank > 0;

    /// <inheritdoc/>
    public override bool CanWriteStored(Node node, RowFormat format) => node.Outputs[0]!.Type!.Value.Shape.Rank > 0;

    /// <inheritdoc/>
    public override bool CanWriteStripe(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != ElementType.Float32)
        {
            throw context.Invalid("the input must be single precision");
        }

        context.SetOutput(0, ElementType.Float32, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape shape = context.InputShape(0);
        long columns = shape.Rank == 0 ? 1 : shape[^1];
        StorageTypes types = new(context.Input(0).ElementType, context.Output(0).ElementType) { StripeStride = context.Output(0).StripeStride };
        context.Emit(CreateKernel(context, shape.ElementCount / Math.Max(1, columns), columns, isGated: false, types), [context.Input(0)], [context.Output(0)]);
    }

    /// <summary>The kernel for the node's <see cref="ActivationFusion"/>.</summary>
    public static Kernel CreateKernel(LoweringContext context, long rows, long columns, bool isGated, StorageTypes types = default) =>
        CreateKernel(context.Fusion<ActivationFusion>().Kind, rows, columns, isGated, types);

    /// <summary>The kernel for an activation.</summary>
    public static Kernel CreateKernel(ActivationKind activation, long rows, long columns, bool isGated, StorageTypes types = default) => activation switch
    {
        ActivationKind.Silu => new ActivationKernel<SiluActivation>(rows, columns, isGated, types),
        ActivationKind.Gelu => new ActivationKernel<GeluActivation>(rows, columns, isGated, types),
        ActivationKind.GeluTanh => new ActivationKernel<GeluTanhActivation>(rows, columns, isGated, types),
        ActivationKind.QuickGelu => new ActivationKernel<QuickGeluActivation>(rows, columns, isGated, types),
        var kind => throw new InvalidOperationException($"There is no kernel for the activation {kind}."),
    };
}
