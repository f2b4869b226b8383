using OnnxStream.Interop.Tests.Rewrites;

namespace OnnxStream.Interop.Tests.Kernels;

[NativeMemoryLeakCheck]
public class AttentionKernelTests
{
    public enum Mask
    {
        None,
        PerKey,
        PerQueryAndKey,

        /// <summary>Keys behind the query are masked by -infinity.</summary>
        Causal,

        /// <summary>The same by the lowest number.</summary>
        CausalLowest,
    }

    // Sizes around the borders of vectors (4, 8 or 16 queries), of tiles (three vectors), of groups and blocks of keys (8 and 64), and of what a thread packs (512).
    [Test]
    [Pairwise]
    public void Sizes([Values(1, 4, 13, 16, 17, 33, 47, 48, 49, 150)] int queries, [Values(1, 7, 8, 63, 64, 65, 77, 511, 513, 2100)] int keys, [Values(1, 3, 8)] int heads, [Values(8, 40, 17)] int depth, [Values] Mask mask, [Values(1, 3)] int threads) =>
        Attention(1, heads, queries, keys, depth, depth, mask is Mask.None ? null : MakeMask(mask, queries, keys)).Check(threads);

    [TestCase(3, 2, 130, 1200, 24, 7)]
    [TestCase(2, 5, 33, 33, 5, 64)]
    [TestCase(1, 1, 7, 2000, 1, 1)]
    [TestCase(4, 1, 1, 1, 3, 2)]
    public void BatchesAndDepths(int batch, int heads, int queries, int keys, int depth, int valueDepth) => Attention(batch, heads, queries, keys, depth, valueDepth, MakeMask(Mask.PerKey, queries, keys)).Check(3);

    // All keys of one tile are masked, in front and at the end.
    [TestCase(0, 1024)]
    [TestCase(0, 1200)]
    [TestCase(1024, 2048)]
    [TestCase(1024, 2200)]
    [TestCase(1, 2200)]
    public void WholeTilesAreMasked(int first, int last)
    {
        foreach (float number in new[] { float.NegativeInfinity, float.MinValue, -1e9f })
        {
            TensorBuffer mask = TestTensors.Floats(4, 2200);
            mask.Span<float>()[first..last].Fill(number);
            Attention(1, 2, 121, 2200, 8, 8, mask).Check();
        }
    }

    // A row without any key: -infinity gives NaN, the lowest number the mean of all values, as in ONNX Runtime.
    [Test]
    public void WholeRowsAreMasked([Values(1, 77, 1024, 1025)] int keys, [Values(float.NegativeInfinity, float.MinValue, -1e9f)] float number)
    {
        TensorBuffer mask = TestTensors.Floats(4, 125, keys);
        mask.Span<float>()[..keys].Fill(number);
        mask.Span<float>().Slice(119 * keys, 3 * keys).Fill(number);
        PassTester tester = Attention(1, 2, 125, keys, 8, 8, mask);
        if (float.IsFinite(number))
        {
            tester.Check();
            return;
        }

        TensorBuffer actual = tester.Run()["y"];
        TensorBuffer expected = tester.Expected()["y"];
        for (int row = 0; row < 125; row++)
        {
            for (int i = 0; i < 16; i++)
            {
                float number1 = actual.Span<float>()[row * 16 + i];
                float number2 = expected.Span<float>()[row * 16 + i];
                if (row is 0 or (>= 119 and <= 121))
                {
                    Assert.That(float.IsNaN(number1), Is.True, $"row {row}");
                }
                else
                {
                    Assert.That(number1, Is.EqualTo(number2).Within(1e-5), $"row {row}");
                }
            }
        }
    }

    // Scores so far apart that only the largest counts; without the maximum, e^x would overflow.
    [Test]
    public void LargeScores([Values(10, 1000)] float size)
    {
        TensorBuffer query = TestTensors.Random(ElementType.Float32, 1, -size, size, 1, 125, 16);
        PassTester tester = new PassTester { Tolerance = 1e-3 }.Input("q", query).Input("k", TestTensors.Floats(2, 1, 600, 16)).Input("v", TestTensors.Floats(3, 1, 600, 16))
            .Node("Transpose", "k", "kt", ("perm", new[] { 0, 2, 1 })).Node("MatMul", "q kt", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("MatMul", "w v", "y").Output("y").Has(1, "onnxstream.Attention");
        tester.Check();
    }

    [Test]
    public void InfinitiesAndNanStayInTheirRows()
    {
        TensorBuffer query = TestTensors.Floats(1, 1, 5, 8);
        query.Span<float>()[9] = float.NaN;
        query.Span<float>()[17] = float.PositiveInfinity;
        TensorBuffer actual = new PassTester().Input("q", query).Input("k", TestTensors.Floats(2, 1, 9, 8)).Input("v", TestTensors.Floats(3, 1, 9, 8))
            .Node("Transpose", "k", "kt", ("perm", new[] { 0, 2, 1 })).Node("MatMul", "q kt", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("MatMul", "w v", "y").Output("y").Has(1, "onnxstream.Attention").Run()["y"];
        for (int i = 0; i < 40; i++)
        {
            Assert.That(float.IsNaN(actual.Span<float>()[i]), Is.EqualTo(i / 8 is 1 or 2), $"{i}");
        }
    }

    private static TensorBuffer MakeMask(Mask kind, int queries, int keys)
    {
        TensorBuffer mask = kind == Mask.PerKey ? TestTensors.Random(ElementType.Float32, 4, -9, 3, keys) : TestTensors.Random(ElementType.Float32, 4, -9, 3, queries, keys);
        Span<float> numbers = mask.Span<float>();
        if (kind == Mask.PerKey)
        {
            for (int key = 0; key < keys - 1; key += 3)
            {
                numbers[key] = float.NegativeInfinity;
            }
        }
        else if (kind is Mask.Causal or Mask.CausalLowest)
        {
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = i % keys <= i / keys ? 0 : kind == Mask.Causal ? float.NegativeInfinity : float.MinValue;
            }
        }

        return mask;
    }

    private static PassTester Attention(int batch, int heads, int queries, int keys, int depth, int valueDepth, TensorBuffer? mask)
    {
        PassTester tester = new PassTester { Tolerance = 2e-5 }.Scalar("scale", 1 / MathF.Sqrt(depth));
        Heads("q", queries, depth, new[] { 0, 2, 1, 3 });
        Heads("k", keys, depth, new[] { 0, 2, 3, 1 });
        Heads("v", keys, valueDepth, new[] { 0, 2, 1, 3 });
        tester.Node("MatMul", "q4 k4", "p").Node("Mul", "p scale", "s");
        if (mask is not null)
        {
            tester.Input("mask", mask).Node("Add", "s mask", "m");
        }

        return tester.Node("Softmax", mask is null ? "s" : "m", "w", ("axis", -1)).Node("MatMul", "w v4", "o").Node("Transpose", "o", "t", ("perm", new[] { 0, 2, 1, 3 }))
            .Integers("merge", batch, queries, heads * valueDepth).Node("Reshape", "t merge", "y").Output("y").Becomes("1 onnxstream.Attention");

        void Heads(string name, int tokens, int size, int[] permutation) => tester
            .Input(name, TestTensors.Floats(name[0], batch, tokens, heads * size)).Integers(name + "_split", batch, tokens, heads, size).Node("Reshape", $"{name} {name}_split", name + "_heads")
            .Node("Transpose", name + "_heads", name + "4", ("perm", permutation));
    }
}
