using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: group normalization with an optional SiLU, on channels-first or channels-last tensors. Made by rewrites.</summary>
internal sealed class FusedGroupNormalization : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "GroupNormalization";

    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

    /// <inheritdoc/>
    public override bool CanReadStored(Node node, int input, RowFormat format) => input == 0 && CanWriteStored(node, format);

    /// <inheritdoc/>
    public override bool CanWriteStored(Node node, RowFormat format) => node.Fusion is GroupNormalizationFusion { IsChannelsLast: true };

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape shape = context.InputShape(0);
        long channels = shape.Rank < 3 ? throw context.Invalid("at least three dimensions are needed") : shape[ChannelAxis(context)];
        long groups = context.Fusion<GroupNormalizationFusion>().Groups;
        if (context.InputElementType(0) != ElementType.Float32 || groups < 1 || channels % groups != 0 || context.InputShape(1) != new Shape(channels) || context.InputShape(2) != new Shape(channels))
        {
            throw context.Invalid($"{groups} groups of {channels} channels with this scale and bias are not possible");
        }

        context.SetOutput(0, ElementType.Float32, shape);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape shape = context.InputShape(0);
        if (shape.ElementCount == 0)
        {
            return;
        }

        int channels = (int)shape[ChannelAxis(context)];
        int space = checked((int)(shape.ElementCount / shape[0] / channels));
        GroupNormalizationFusion fusion = context.Fusion<GroupNormalizationFusion>();
        int groups = (int)fusion.Groups;
        StorageTypes types = new(context.Input(0).ElementType, context.Output(0).ElementType);
        Kernel kernel = fusion.HasSilu
            ? new GroupNormalizationKernel<SiluActivation>((int)shape[0], channels, space, groups, fusion.Epsilon, fusion.IsChannelsLast, context.Workers, types)
            : new GroupNormalizationKernel<NoActivation>((int)shape[0], channels, space, groups, fusion.Epsilon, fusion.IsChannelsLast, context.Workers, types);
        context.Emit(kernel, [context.Input(0), context.Input(1), context.Input(2)], [context.Output(0)]);
    }

    private static int ChannelAxis(NodeContext context) => context.Fusion<GroupNormalizationFusion>().IsChannelsLast ? context.InputShape(0).Rank - 1 : 1;
}
