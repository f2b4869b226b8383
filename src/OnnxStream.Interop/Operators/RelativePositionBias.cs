using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.RelativePositionBias: a bias of attention for each distance of two tokens, far ones in common buckets (T5, https://arxiv.org/abs/1910.10683). https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>The table has the shape [buckets, heads], but its numbers lie head by head. Both lengths must be known when planning, and be the same.</remarks>
internal sealed class RelativePositionBias : FunctionOperator
{
    private const long LongestSequence = 1 << 20;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape table = context.InputShape(0);
        bool isBidirectional = context.Attributes.Int("is_bidirectional", 0) != 0;
        long farthest = context.Attributes.Int("max_distance", 0);
        long length = context.RequireInteger(1);
        if (table.Rank != 2 || table[0] < 4 || table[0] > int.MaxValue || farthest < 1 || length < 1 || length > LongestSequence || context.RequireInteger(2) != length)
        {
            throw context.Invalid($"a table {table} of at least four buckets, a longest distance of {farthest}, {length} queries and {context.RequireInteger(2)} keys do not fit together");
        }

        long[] buckets = new long[2 * length - 1];
        for (long distance = 1 - length; distance < length; distance++)
        {
            buckets[distance + length - 1] = Bucket(distance, table[0], farthest, isBidirectional);
        }

        Value ofDistances = context.Add("Gather", [context.Reshape(context.Input(0), table[1], table[0]), context.Integers(buckets)], ("axis", 1));
        Value columns = context.Add("Range", [context.Constant<long>([length - 1]), context.Constant<long>([2 * length - 1]), context.Constant<long>([1])]);
        Value rows = context.Reshape(context.Add("Range", [context.Constant<long>([0]), context.Constant<long>([length]), context.Constant<long>([1])]), length, 1);
        Value all = context.Add("Gather", [ofDistances, context.Add("Sub", [columns, rows])], ("axis", 1));
        context.SetOutput(0, context.Reshape(all, 1, table[1], length, length));
    }

    // Half of the buckets are for one distance each, the others for more and more.
    private static long Bucket(long distance, long buckets, long farthest, bool isBidirectional)
    {
        long first = 0;
        if (isBidirectional)
        {
            buckets /= 2;
            first = distance > 0 ? buckets : 0;
        }

        distance = Math.Abs(distance);
        long exact = buckets / 2;
        if (distance < exact)
        {
            return first + distance;
        }

        float far = MathF.Log((float)distance / exact) / MathF.Log((float)farthest / exact) * (buckets - exact);
        return first + (far >= 0 && far < buckets - exact ? exact + (long)far : buckets - 1);
    }
}
