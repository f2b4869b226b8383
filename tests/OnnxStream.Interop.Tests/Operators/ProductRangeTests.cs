namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Products of matrices and attention over the whole range of numbers, against double precision. The bounds are those of docs/accuracy.md.</summary>
public class ProductRangeTests
{
    [Test]
    public void AProductIsRightForEveryExponent([Values("MatMul", "Gemm", "batched")] string form, [Values] bool isConstant, [Values(1, 3, 17)] int rows, [Values(4, 33)] int inner, [Values(1, 5, 40)] int columns)
    {
        Random random = new(1);
        foreach (int exponent in (int[])[-149, -140, -130, -127, -126, -125, -100, -64, -40, 0, 40, 63, 64, 100, 120, 126])
        {
            foreach (int other in (int[])[-149, -126, -60, 0, 60, 126])
            {
                // What would leave the range is not compared: sums on the way may leave it before the result does.
                if (exponent + other > 118)
                {
                    continue;
                }

                double[] Numbers(int count, int power) => RangePoints.Rounded(ElementType.Float32, [.. Enumerable.Range(0, count).Select(_ => (random.Next(2) * 2 - 1) * (float)Math.ScaleB(1 + random.NextDouble(), power))]);
                int batch = form == "batched" ? 3 : 1;
                (double[] a, double[] b) = (Numbers(batch * rows * inner, exponent), Numbers(batch * inner * columns, other));
                TensorBuffer left = form == "batched" ? TestTensors.FromDoubles(ElementType.Float32, a, batch, rows, inner) : TestTensors.FromDoubles(ElementType.Float32, a, rows, inner);
                TensorBuffer right = form == "batched" ? TestTensors.FromDoubles(ElementType.Float32, b, batch, inner, columns) : TestTensors.FromDoubles(ElementType.Float32, b, inner, columns);
                Dictionary<string, TensorBuffer> inputs = new() { ["a"] = left };
                ModelBuilder builder = new ModelBuilder(17).Node(form == "Gemm" ? "Gemm" : "MatMul", "a b", "y");
                if (isConstant)
                {
                    builder.Initializer("b", right);
                }
                else
                {
                    inputs.Add("b", right);
                }

                TensorBuffer y = RangePoints.Run(builder, inputs);
                RangePoints.Check(
                    y,
                    i =>
                    {
                        (int matrix, int row, int column) = (i / (rows * columns), i / columns % rows, i % columns);
                        double[] terms = [.. Enumerable.Range(0, inner).Select(k => a[(matrix * rows + row) * inner + k] * b[(matrix * inner + k) * columns + column])];
                        return (terms.Sum(), 1e-6 * terms.Sum(Math.Abs) + inner * (double)float.Epsilon);
                    },
                    i => $"2^{exponent} by 2^{other}, element {i}", checksZeros: false);
            }
        }
    }

    [Test]
    public void AttentionIsRightForEveryExponent([Values] bool isSpelled, [Values(1, 40, 1100)] int keys, [Values(1, 5)] int queries)
    {
        const int Depth = 8;
        Random random = new(keys);
        float[] Numbers(int count, int power) => [.. Enumerable.Range(0, count).Select(_ => (random.Next(2) * 2 - 1) * (float)Math.ScaleB(1 + random.NextDouble(), power))];
        foreach (int scores in (int[])[-149, -126, -60, -20, -3, 0, 2, 6, 12, 30, 50, 59])
        {
            foreach (int values in (int[])[-149, -126, -60, 0, 60, 116])
            {
                (float[] q, float[] k, float[] v) = (Numbers(queries * Depth, scores), Numbers(keys * Depth, scores), Numbers(keys * Depth, values));
                (double Exact, double Absolute)[] expected = Attend(q, k, v, null, queries, keys, Depth);
                TensorBuffer y = Run(isSpelled, q, k, v, null, queries, keys, Depth);
                RangePoints.Check(y, i => expected[i], i => $"queries and keys 2^{scores}, values 2^{values}, element {i}", checksZeros: false);
            }
        }
    }

    [Test]
    public void AMaskOfAnySizeHidesKeys([Values] bool isSpelled, [Values(-1e4f, -1e9f, -4.4e26f, -1e30f, -2.3e38f, float.MinValue, float.NegativeInfinity)] float low, [Values(3, 40, 1100)] int keys)
    {
        const int Depth = 8, Queries = 5;
        float[] Floats(int seed, int count) => TestTensors.Random(ElementType.Float32, seed, -2, 2, count).Span<float>().ToArray();
        (float[] q, float[] k, float[] v) = (Floats(1, Queries * Depth), Floats(2, keys * Depth), Floats(3, keys * Depth));
        float[] mask = [.. Enumerable.Range(0, Queries * keys).Select(i => i % keys % 3 == 1 || (i / keys == 2 && i % keys > 0) ? low : 0)];
        (double Exact, double Absolute)[] expected = Attend(q, k, v, mask, Queries, keys, Depth);
        RangePoints.Check(Run(isSpelled, q, k, v, mask, Queries, keys, Depth), i => expected[i], i => $"mask {low}, query {i / Depth}", checksZeros: false);
    }

    [Test]
    public void WhatIsNoNumberStaysSo([Values] bool isSpelled, [Values("query", "key", "value", "mask")] string where, [Values(3, 40, 1100)] int keys, [Values(0x7fc00000, -1, 0x7f800001, 0x7fffffff)] int bits)
    {
        // A query spoils its own result, a value its own column, a key every result. All bits of a NaN are looked at: those of a file are anything.
        const int Depth = 8, Queries = 5;
        float nan = BitConverter.Int32BitsToSingle(bits);
        float[] Floats(int seed, int count) => TestTensors.Random(ElementType.Float32, seed, -2, 2, count).Span<float>().ToArray();
        (float[] q, float[] k, float[] v, float[] mask) = (Floats(1, Queries * Depth), Floats(2, keys * Depth), Floats(3, keys * Depth), Floats(4, Queries * keys));
        (where switch { "query" => q, "key" => k, "value" => v, _ => mask })[where == "mask" ? 2 * keys + 1 : Depth + 3] = nan;
        double[] y = TestTensors.ToDoubles(Run(isSpelled, q, k, v, mask, Queries, keys, Depth));
        for (int i = 0; i < y.Length; i++)
        {
            bool isSpoilt = where switch { "query" => i / Depth == 1, "key" => true, "value" => i % Depth == 3, _ => i / Depth == 2 };
            Assert.That(double.IsNaN(y[i]), Is.EqualTo(isSpoilt), $"element {i}");
        }
    }

    // Softmax(q k' / sqrt(depth) + mask) v, and how far single precision may be away: rounding scores costs as much of a weight as the scores are large.
    private static (double Exact, double Absolute)[] Attend(float[] q, float[] k, float[] v, float[]? mask, int queries, int keys, int depth)
    {
        List<(double, double)> results = [];
        for (int query = 0; query < queries; query++)
        {
            double[] products = [.. Enumerable.Range(0, keys).Select(key => Enumerable.Range(0, depth).Sum(i => (double)q[query * depth + i] * k[key * depth + i]) / Math.Sqrt(depth))];
            double[] scores = [.. products.Select((product, key) => product + (mask?[query * keys + key] ?? 0))];
            double maximum = scores.Max();
            double[] weights = [.. scores.Select(score => Math.Exp(score - maximum))];
            double total = weights.Sum();
            double sizes = Enumerable.Range(0, keys).Max(key => Enumerable.Range(0, depth).Sum(i => Math.Abs((double)q[query * depth + i] * k[key * depth + i])));
            double uncertainty = 3e-6 + 1e-6 * sizes;
            for (int i = 0; i < depth; i++)
            {
                double exact = Enumerable.Range(0, keys).Sum(key => weights[key] == 0 ? 0 : weights[key] / total * v[key * depth + i]);
                double size = Enumerable.Range(0, keys).Max(key => Math.Abs((double)v[key * depth + i]));

                // Whatever the weights are, the result lies among the values.
                results.Add((exact, size * Math.Min(2.01, uncertainty) + 2 * float.Epsilon));
            }
        }

        return [.. results];
    }

    private static TensorBuffer Run(bool isSpelled, float[] q, float[] k, float[] v, float[]? mask, int queries, int keys, int depth)
    {
        Dictionary<string, TensorBuffer> inputs = new()
        {
            ["q"] = TensorBuffer.Create<float>(q, 1, 1, queries, depth),
            ["k"] = TensorBuffer.Create<float>(k, 1, 1, keys, depth),
            ["v"] = TensorBuffer.Create<float>(v, 1, 1, keys, depth),
        };
        if (mask is not null)
        {
            inputs.Add("m", TensorBuffer.Create<float>(mask, 1, 1, queries, keys));
        }

        ModelBuilder builder = new(23);
        if (isSpelled)
        {
            // Products and softmax on their own: the scores are a result, too.
            builder.Initializer("scale", TestTensors.Scalar(ElementType.Float32, 1 / Math.Sqrt(depth))).Node("Transpose", "k", "t", ("perm", new long[] { 0, 1, 3, 2 })).Node("MatMul", "q t", "p").Node("Mul", "p scale", "s");
            builder.Node(mask is null ? "Identity" : "Add", mask is null ? "s" : "s m", "w").Node("Softmax", "w", "z").Node("MatMul", "z v", "y").Output("z");
        }
        else
        {
            builder.Node("Attention", mask is null ? "q k v" : "q k v m", "y");
        }

        return RangePoints.Run(builder, inputs);
    }
}
