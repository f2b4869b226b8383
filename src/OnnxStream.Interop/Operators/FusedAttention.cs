using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: softmax(scale Q K' + mask) V for several heads, on token-major tensors. Made by the pass that fuses attention.</summary>
/// <remarks>
/// Q [B,T,H*D], K [B,S,H*D], V [B,S,H*E], optionally a mask of T*S or S numbers that all heads share. Output [B,T,H*E]. Where a group of
/// heads shares keys and values, K and V have as many fewer heads, or as many fewer matrices if there is one head.
/// </remarks>
internal sealed class FusedAttention : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "Attention";

    /// <inheritdoc/>
    public override bool CanReadStored(Node node, int input, RowFormat format) => input < 3 && format.Together == 1;

    /// <inheritdoc/>
    public override bool CanWriteStored(Node node, RowFormat format) => format.Together == 1;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape query = context.InputShape(0);
        Shape key = context.InputShape(1);
        Shape value = context.InputShape(2);
        (long heads, long group, _, _) = context.Fusion<AttentionFusion>();
        long sharedHeads = heads == 1 ? 1 : heads / group;
        if (query.Rank != 3 || key.Rank != 3 || value.Rank != 3 || heads < 1 || group < 1 || (heads > 1 && heads % group != 0) || query[2] % heads != 0 ||
            query[0] != (heads == 1 ? group : 1) * key[0] || key[0] != value[0] || key[1] != value[1] || key[2] != query[2] / heads * sharedHeads || value[2] % sharedHeads != 0)
        {
            throw context.Invalid("query, key and value do not fit together");
        }

        if (context.HasInput(3) && context.InputShape(3).ElementCount is var count && count != key[1] && count != query[1] * key[1])
        {
            throw context.Invalid("the mask must have one number for each key, or for each query and key");
        }

        context.SetOutput(0, ElementType.Float32, new Shape(query[0], query[1], value[2] / sharedHeads * heads));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape query = context.InputShape(0);
        Shape key = context.InputShape(1);
        AttentionFusion fusion = context.Fusion<AttentionFusion>();
        (int heads, int group) = ((int)fusion.Heads, (int)fusion.Group);
        bool hasMask = context.HasInput(3);
        List<PlanTensor> inputs = [context.Input(0), context.Input(1), context.Input(2)];
        AttentionKernel kernel = new(
            (int)query[0], heads, (int)query[1], (int)key[1], (int)(query[2] / heads), (int)(context.Output(0).Shape[2] / heads), fusion.Scale,
            hasMask ? (context.InputShape(3).ElementCount == key[1] && query[1] != 1 ? AttentionMask.PerKey : AttentionMask.PerQueryAndKey) : AttentionMask.None, context.Workers,
            new AttentionTypes(inputs[0].ElementType, inputs[1].ElementType, inputs[2].ElementType, context.Output(0).ElementType), group) { EmptyRowsAreZero = fusion.EmptyRowsAreZero };
        if (hasMask)
        {
            inputs.Add(context.Input(3));
        }

        context.Emit(kernel, [.. inputs], [context.Output(0)]);
    }
}
