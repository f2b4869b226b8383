using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Counts or weighs n-grams of integers. https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html (opset 9).</summary>
/// <remarks>Strings are not supported.</remarks>
internal sealed class TfIdfVectorizer : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        if (context.InputElementType(0) is not (ElementType.Int32 or ElementType.Int64) || input.Rank is not (1 or 2))
        {
            throw context.Invalid("the input must be int32 or int64, of one or two dimensions");
        }

        long outputs = Indexes(context).DefaultIfEmpty(-1).Max() + 1;
        context.SetOutput(0, ElementType.Float32, input.Rank == 1 ? new Shape(outputs) : new Shape(input[0], outputs));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        if (context.Attributes.Has("pool_strings"))
        {
            throw context.Unsupported("text");
        }

        Shape input = context.InputShape(0);
        int outputs = checked((int)context.OutputShape(0)[^1]);
        long shortest = context.Attributes.Int("min_gram_length", 1);
        long longest = context.Attributes.Int("max_gram_length", 1);
        long skips = context.Attributes.Int("max_skip_count", 0);
        long[] indexes = Indexes(context);
        Dictionary<int, Dictionary<string, int>> grams = Grams(context, indexes);
        if (shortest < 1 || longest < shortest || skips < 0)
        {
            throw context.Invalid($"n-grams of {shortest} to {longest} with {skips} skips are impossible");
        }

        // Those that are not given are 1.
        Dictionary<int, float> weights = [];
        if (context.Attributes.Floats("weights") is { } given)
        {
            for (int i = 0; i < Math.Min(given.Length, indexes.Length); i++)
            {
                weights[(int)indexes[i]] = given[i];
            }
        }

        Func<int, long, float> weigh = context.Attributes.String("mode", "") switch
        {
            "TF" => (_, count) => count,
            "IDF" => (i, count) => count > 0 ? weights.GetValueOrDefault(i, 1) : 0,
            "TFIDF" => (i, count) => count * weights.GetValueOrDefault(i, 1),
            string mode => throw context.Invalid($"mode '{mode}' is none of TF, IDF, TFIDF"),
        };
        (long rows, int length) = (input.Rank == 1 ? 1 : input[0], checked((int)input[^1]));

        // There are no longer n-grams than the pool has, and none with gaps larger than a row.
        (int first, int last, int gaps) = ((int)Math.Min(shortest, grams.Count + 1), (int)Math.Min(longest, grams.Count), (int)Math.Min(skips, length));
        Kernel kernel = context.InputElementType(0) == ElementType.Int64
            ? new NGramKernel<long>(rows, length, grams, first, last, gaps, outputs, weigh)
            : new NGramKernel<int>(rows, length, grams, first, last, gaps, outputs, weigh);
        context.Emit(kernel, [context.Input(0)], [context.Output(0)]);
    }

    private static long[] Indexes(NodeContext context)
    {
        long[] indexes = context.Attributes.Ints("ngram_indexes") ?? throw context.Invalid("attribute 'ngram_indexes' is missing");
        return indexes.All(index => index is >= 0 and < 1 << 28) ? indexes : throw context.Invalid("ngram_indexes must not be negative");
    }

    // The pool holds all n-grams of length 1, then of 2, and so on; the counts say where each length starts.
    private static Dictionary<int, Dictionary<string, int>> Grams(NodeContext context, long[] indexes)
    {
        long[] pool = context.Attributes.Ints("pool_int64s") ?? throw context.Invalid("attribute 'pool_int64s' is missing");
        long[] starts = context.Attributes.Ints("ngram_counts") ?? throw context.Invalid("attribute 'ngram_counts' is missing");
        Dictionary<int, Dictionary<string, int>> grams = [];
        int next = 0;
        for (int i = 0; i < starts.Length; i++)
        {
            long end = i + 1 < starts.Length ? starts[i + 1] : pool.Length;
            if (starts[i] < 0 || end < starts[i] || end > pool.Length || (end - starts[i]) % (i + 1) != 0)
            {
                throw context.Invalid($"ngram_counts [{Listing.Of(starts)}] do not divide a pool of {pool.Length}");
            }

            Dictionary<string, int> known = [];
            for (long start = starts[i]; start < end; start += i + 1)
            {
                if (next >= indexes.Length)
                {
                    throw context.Invalid($"there are more n-grams than the {indexes.Length} of ngram_indexes");
                }

                known[NGramKernel<long>.Key(pool.Skip((int)start).Take(i + 1))] = (int)indexes[next++];
            }

            grams.Add(i + 1, known);
        }

        return grams;
    }
}
