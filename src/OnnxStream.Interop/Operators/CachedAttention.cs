using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: puts new keys and values behind those of a state, and attends to all of them. Made by the pass that fuses attention with caches.</summary>
/// <remarks>
/// Queries [B,H,T,D], new keys [B,G,T,D] and values [B,G,T,E], then the caches as they were, [B,G,P,D] and [B,G,P,E], then biases, each broadcast to [B,H,T,P+T].
/// Output [B,H,T,E], and the caches with what is new in them. Old and new caches are the same memory: the rows of a head begin at distances of the
/// cache's capacity, so that nothing moves when it grows. Caches may be stored in half precision or in blocks of 8 bits; all else is single precision.
/// </remarks>
internal sealed class CachedAttention : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "CachedAttention";

    /// <summary>The first input that is a cache as it was.</summary>
    public const int FirstPast = 3;

    /// <summary>The first input behind these.</summary>
    public const int FirstBias = 5;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape query = context.InputShape(0);
        Shape[] shapes = [.. Enumerable.Range(0, FirstBias).Select(context.InputShape)];
        (Shape key, Shape value, Shape pastKey, Shape pastValue) = (shapes[1], shapes[2], shapes[3], shapes[4]);
        if (shapes.Any(shape => shape.Rank != 4 || shape[0] != query[0]) || shapes[1..].Any(shape => shape[1] != key[1]) || key[1] == 0 || query[1] % key[1] != 0 || key[3] != query[3] ||
            key[2] != value[2] || pastKey[2] != pastValue[2] || pastKey[3] != key[3] || pastValue[3] != value[3])
        {
            throw context.Invalid("queries, keys, values and caches do not fit together");
        }

        long total = pastKey[2] + key[2];
        Shape scores = query.With(3, total);
        for (int i = FirstBias; i < context.InputCount; i++)
        {
            if (context.Broadcast(scores, context.InputShape(i)) != scores)
            {
                throw context.Invalid($"the bias {context.InputShape(i)} cannot be broadcast to {scores}");
            }
        }

        context.SetOutput(0, ElementType.Float32, query.With(3, value[3]));
        context.SetOutput(1, context.InputElementType(FirstPast), pastKey.With(2, total));
        context.SetOutput(2, context.InputElementType(FirstPast + 1), pastValue.With(2, total));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        CachedAttentionFusion fusion = context.Fusion<CachedAttentionFusion>();
        (Shape query, Shape keys, Shape values) = (context.InputShape(0), context.OutputShape(1), context.OutputShape(2));
        Shape[] biases = [.. Enumerable.Range(FirstBias, context.InputCount - FirstBias).Select(context.InputShape)];
        CachedAttentionKernel kernel = new(
            query, context.InputShape(1)[2], new CacheGeometry(keys, fusion.KeyCapacity, context.OutputElementType(1)), new CacheGeometry(values, fusion.ValueCapacity, context.OutputElementType(2)), biases, fusion.Scale, context.Workers)
        {
            EmptyRowsAreZero = fusion.EmptyRowsAreZero,
        };
        context.Emit(
            kernel, [context.Input(0), context.Input(1), context.Input(2), .. Enumerable.Range(FirstBias, biases.Length).Select(context.Input)],
            [context.Output(0), context.Output(1), context.Output(2)]);
    }
}
