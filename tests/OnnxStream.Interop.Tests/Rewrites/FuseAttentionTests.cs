using CsCheck;

namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FuseAttentionTests
{
    private const string Fused = "1 onnxstream.Attention";

    public enum Scaling
    {
        None,
        Mul,
        MulFirst,
        Div,
        Query,
        Key,
        QueryAndKey,
        TwiceBehind,
    }

    public enum HeadLayout
    {
        /// <summary>[B,H,T,D] all the way.</summary>
        Four,

        /// <summary>[B*H,T,D] between the products.</summary>
        Three,

        /// <summary>[B*H,T,D] for the products, [B,H,T,S] for the mask.</summary>
        Both,

        /// <summary>[B,T,D] without heads.</summary>
        None,
    }

    private sealed record Pattern
    {
        public int OperatorSet { get; init; } = 17;

        public long Batch { get; init; } = 2;

        public long Heads { get; init; } = 3;

        public long Queries { get; init; } = 7;

        public long Keys { get; init; } = 9;

        public long Depth { get; init; } = 5;

        public long ValueDepth { get; init; } = 5;

        public HeadLayout Layout { get; init; } = HeadLayout.Four;

        public Scaling Scaling { get; init; } = Scaling.Mul;

        /// <summary>Whether K' is made by one Transpose of the split tokens.</summary>
        public bool DirectKey { get; init; }

        public long[]? Mask { get; init; }

        public bool MaskFirst { get; init; }

        public int Axis { get; init; } = -1;

        private bool HasHeads => Layout != HeadLayout.None;

        public PassTester Build()
        {
            long heads = HasHeads ? Heads : 1;
            float scale = 1 / MathF.Sqrt(Depth);
            PassTester tester = new(OperatorSet) { Tolerance = 1e-5 };
            tester.Input("q", TestTensors.Floats(1, Batch, Queries, heads * Depth)).Input("k", TestTensors.Floats(2, Batch, Keys, heads * Depth)).Input("v", TestTensors.Floats(3, Batch, Keys, heads * ValueDepth))
                .Scalar("scale", scale).Scalar("divisor", 1 / scale).Scalar("half", MathF.Sqrt(scale)).Scalar("two", 2);
            string q = "q";
            string k = "k";
            if (Scaling is Scaling.Query or Scaling.QueryAndKey)
            {
                tester.Node("Mul", $"q {(Scaling == Scaling.Query ? "scale" : "half")}", "q*");
                q = "q*";
            }

            string joinedQuery = Split(tester, q, Queries, Depth);
            string keyTransposed = KeyTransposed(tester, k);
            if (Scaling is Scaling.Key or Scaling.QueryAndKey)
            {
                tester.Node("Mul", $"{keyTransposed} {(Scaling == Scaling.Key ? "scale" : "half")}", "k*");
                keyTransposed = "k*";
            }

            string joinedValue = Split(tester, "v", Keys, ValueDepth);
            tester.Node("MatMul", $"{joinedQuery} {keyTransposed}", "product");
            string scores = Scaling switch
            {
                Scaling.Mul => Then(tester, "Mul", "product scale", "scores"),
                Scaling.MulFirst => Then(tester, "Mul", "scale product", "scores"),
                Scaling.Div => Then(tester, "Div", "product divisor", "scores"),
                Scaling.TwiceBehind => Then(tester.Node("Mul", "product two", "twice"), "Mul", "twice scale", "scores"),
                _ => "product",
            };
            if (Layout == HeadLayout.Both)
            {
                tester.Integers("four", Batch, Heads, Queries, Keys).Node("Reshape", scores + " four", "scores4");
                scores = "scores4";
            }

            if (Mask is not null)
            {
                tester.Input("mask", TestTensors.Floats(4, Mask));
                scores = Then(tester, "Add", MaskFirst ? $"mask {scores}" : $"{scores} mask", "masked");
            }

            if (Layout == HeadLayout.Both)
            {
                tester.Integers("three", Batch * Heads, Queries, Keys).Node("Reshape", scores + " three", "scores3");
                scores = "scores3";
            }

            tester.Node("Softmax", scores, "weights", ("axis", Axis)).Node("MatMul", $"weights {joinedValue}", HasHeads ? "o" : "y");
            return Merge(tester);
        }

        private static string Then(PassTester tester, string operatorType, string inputs, string output)
        {
            tester.Node(operatorType, inputs, output);
            return output;
        }

        private string Split(PassTester tester, string tokens, long count, long depth)
        {
            if (!HasHeads)
            {
                return tokens;
            }

            tester.Integers(tokens + "_split", Batch, count, Heads, depth).Node("Reshape", $"{tokens} {tokens}_split", tokens + "_heads").Node("Transpose", tokens + "_heads", tokens + "4", ("perm", new[] { 0, 2, 1, 3 }));
            return Join(tester, tokens + "4", count, depth);
        }

        private string Join(PassTester tester, string heads, long rows, long columns)
        {
            if (Layout == HeadLayout.Four)
            {
                return heads;
            }

            tester.Integers(heads + "_join", Batch * Heads, rows, columns).Node("Reshape", $"{heads} {heads}_join", heads + "/3");
            return heads + "/3";
        }

        private string KeyTransposed(PassTester tester, string tokens)
        {
            if (!HasHeads)
            {
                tester.Node("Transpose", tokens, "kt", ("perm", new[] { 0, 2, 1 }));
                return "kt";
            }

            if (DirectKey)
            {
                tester.Integers("k_split", Batch, Keys, Heads, Depth).Node("Reshape", $"{tokens} k_split", "k_heads").Node("Transpose", "k_heads", "kt4", ("perm", new[] { 0, 2, 3, 1 }));
                return Join(tester, "kt4", Depth, Keys);
            }

            string joined = Split(tester, tokens, Keys, Depth);
            tester.Node("Transpose", joined, "kt", ("perm", Layout == HeadLayout.Four ? new[] { 0, 1, 3, 2 } : new[] { 0, 2, 1 }));
            return "kt";
        }

        private PassTester Merge(PassTester tester)
        {
            if (!HasHeads)
            {
                return tester.Output("y");
            }

            string o = "o";
            if (Layout != HeadLayout.Four)
            {
                tester.Integers("o_split", Batch, Heads, Queries, ValueDepth).Node("Reshape", "o o_split", "o4");
                o = "o4";
            }

            return tester.Integers("o_merge", Batch, Queries, Heads * ValueDepth).Node("Transpose", o, "o_tokens", ("perm", new[] { 0, 2, 1, 3 })).Node("Reshape", "o_tokens o_merge", "y").Output("y");
        }
    }

    [Test]
    public void Spellings([Values] HeadLayout layout, [Values] Scaling scaling, [Values] bool directKey) => new Pattern { Layout = layout, Scaling = scaling, DirectKey = directKey }.Build().Becomes(Fused).Check();

    [Test]
    public void OperatorSets([Values(9, 11, 13)] int operatorSet) => new Pattern { OperatorSet = operatorSet, Axis = 3 }.Build().Becomes(Fused).Check();

    [Test]
    public void ValuesOfAnotherDepth([Values] HeadLayout layout) => new Pattern { Layout = layout, ValueDepth = 11 }.Build().Becomes(Fused).Check();

    [TestCase(9)]
    [TestCase(7, 9)]
    [TestCase(1, 9)]
    [TestCase(1, 7, 9)]
    [TestCase(1, 1, 7, 9)]
    [TestCase(1, 1, 1, 9)]
    public void Masks(params long[] mask)
    {
        foreach (HeadLayout layout in Enum.GetValues<HeadLayout>())
        {
            bool four = layout is HeadLayout.Four or HeadLayout.Both;
            if (mask.Length <= (four ? 4 : 3))
            {
                foreach (bool maskFirst in new[] { false, true })
                {
                    new Pattern { Layout = layout, Mask = mask, MaskFirst = maskFirst }.Build().Becomes(Fused).Check();
                }
            }
        }
    }

    // Masks that differ from head to head or from image to image, that broadcast along keys, or that make the scores larger.
    [TestCase(1, 3, 7, 9)]
    [TestCase(2, 1, 7, 9)]
    [TestCase(2, 1, 1, 9)]
    [TestCase(1, 3, 1, 9)]
    [TestCase(2, 3, 7, 9)]
    [TestCase(7, 1)]
    [TestCase(1)]
    public void OtherMasks(params long[] mask) => new Pattern { Mask = mask }.Build().Has(0, "onnxstream.Attention").Check();

    [Test]
    public void OneKeyWithAMaskForEachQuery() => new Pattern { Keys = 1, Mask = [7, 1] }.Build().Becomes(Fused).Check();

    [Test]
    public void OneQueryWithAMaskForEachKey() => new Pattern { Queries = 1, Mask = [1, 9] }.Build().Becomes(Fused).Check();

    // As many heads as queries: a mask for each head has the size of one for each query.
    [Test]
    public void MaskOfHeadsThatLooksLikeQueries() => new Pattern { Heads = 7, Queries = 7, Mask = [1, 7, 1, 9] }.Build().Has(0, "onnxstream.Attention").Check();

    [Test]
    public void ChannelMajorValues([Values] bool hasMask)
    {
        PassTester tester = new PassTester { Tolerance = 1e-5 }.Input("q", TestTensors.Floats(1, 2, 6, 5)).Input("k", TestTensors.Floats(2, 2, 5, 9)).Input("v", TestTensors.Floats(3, 2, 4, 9)).Scalar("scale", 0.4f)
            .Node("MatMul", "q k", "product").Node("Mul", "product scale", "scores");
        if (hasMask)
        {
            tester.Constant("mask", TestTensors.Floats(4, 6, 9)).Node("Add", "scores mask", "masked");
        }

        tester.Node("Softmax", hasMask ? "masked" : "scores", "weights", ("axis", 2)).Node("Transpose", "weights", "turned", ("perm", new[] { 0, 2, 1 })).Node("MatMul", "v turned", "y").Output("y")
            .Becomes("3 Transpose, 1 onnxstream.Attention").Check();
    }

    [Test]
    public void ScaleBehindTheMask() =>
        Plain().Node("MatMul", "q kt", "p").Node("Add", "p mask", "a").Node("Mul", "a scale", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("MatMul", "w v", "y").Output("y").Has(0, "onnxstream.Attention").Check();

    [Test]
    public void TwoMasks() =>
        Plain().Node("MatMul", "q kt", "p").Node("Add", "p mask", "a").Node("Add", "a mask", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("MatMul", "w v", "y").Output("y").Has(0, "onnxstream.Attention").Check();

    [Test]
    public void ScaleThatIsNotOneNumber() =>
        Plain().Constant("scales", TestTensors.Floats(7, 9)).Node("MatMul", "q kt", "p").Node("Mul", "p scales", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("MatMul", "w v", "y").Output("y").Has(0, "onnxstream.Attention").Check();

    [Test]
    public void ScaleThatIsComputed() =>
        Plain().Input("factor", TensorBuffer.Create<float>([0.4f])).Node("MatMul", "q kt", "p").Node("Mul", "p factor", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("MatMul", "w v", "y").Output("y").Has(0, "onnxstream.Attention").Check();

    [Test]
    public void DividesTheOtherWay() =>
        Plain().Node("MatMul", "q kt", "p").Node("Div", "scale p", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("MatMul", "w v", "y").Output("y").Has(0, "onnxstream.Attention");

    [Test]
    public void WeightsOnTheRight() =>
        new PassTester().Input("q", TestTensors.Floats(1, 2, 6, 5)).Input("kt", TestTensors.Floats(2, 2, 5, 9)).Input("v", TestTensors.Floats(3, 2, 4, 6))
            .Node("MatMul", "q kt", "p").Node("Softmax", "p", "w", ("axis", -1)).Node("MatMul", "v w", "y").Output("y").Has(0, "onnxstream.Attention").Check();

    [Test]
    public void OtherAxis([Values(1, -2)] int axis) => new Pattern { Layout = HeadLayout.None, Axis = axis }.Build().Has(0, "onnxstream.Attention").Check();

    // Before opset 13 a row is everything from the axis on.
    [Test]
    public void OldSoftmaxOverTwoDimensions() => new Pattern { Layout = HeadLayout.None, OperatorSet = 11, Axis = 1 }.Build().Has(0, "onnxstream.Attention").Check();

    [TestCase("product")]
    [TestCase("scores")]
    [TestCase("masked")]
    [TestCase("weights")]
    public void IntermediateIsAnOutput(string name) => new Pattern { Mask = [7, 9] }.Build().Output(name).Has(0, "onnxstream.Attention").Check();

    [TestCase("product")]
    [TestCase("scores")]
    [TestCase("masked")]
    [TestCase("weights")]
    [TestCase("scores4")]
    [TestCase("scores3")]
    public void IntermediateIsReadElsewhere(string name) => new Pattern { Mask = [7, 9], Layout = HeadLayout.Both }.Build().Node("Sin", name, "z").Output("z").Has(0, "onnxstream.Attention").Check();

    // Heads, keys and values may be read by others; they are made for them.
    [TestCase("q4")]
    [TestCase("k4")]
    [TestCase("kt")]
    [TestCase("v4")]
    public void OperandIsAnOutput(string name) => new Pattern().Build().Output(name).Has(1, "onnxstream.Attention").Check();

    [Test]
    public void ScaledQueryIsAnOutput() => new Pattern { Scaling = Scaling.Query }.Build().Output("q*").Becomes("1 Mul, 1 onnxstream.Attention").Check();

    // What comes behind is not the way back to tokens, or is read elsewhere.
    [TestCase("o")]
    [TestCase("o_tokens")]
    public void HeadsOfTheOutputAreReadElsewhere(string name) => new Pattern().Build().Output(name).Has(1, "onnxstream.Attention").Check();

    [TestCase("o")]
    [TestCase("o4")]
    [TestCase("o_tokens")]
    public void HeadsOfTheOutputAreReadElsewhereInThreeDimensions(string name) => new Pattern { Layout = HeadLayout.Three }.Build().Output(name).Has(1, "onnxstream.Attention").Check();

    // The same keys for every image: the products broadcast.
    [Test]
    public void SharedKeys([Values] bool heads)
    {
        if (heads)
        {
            new PassTester { Tolerance = 1e-5 }.Input("q", TestTensors.Floats(1, 2, 6, 15)).Input("k", TestTensors.Floats(2, 1, 9, 15)).Input("v", TestTensors.Floats(3, 1, 9, 15))
                .Integers("qs", 2, 6, 3, 5).Integers("ks", 1, 9, 3, 5).Integers("merge", 2, 6, 15)
                .Node("Reshape", "q qs", "qh").Node("Transpose", "qh", "q4", ("perm", new[] { 0, 2, 1, 3 })).Node("Reshape", "k ks", "kh").Node("Transpose", "kh", "kt", ("perm", new[] { 0, 2, 3, 1 }))
                .Node("Reshape", "v ks", "vh").Node("Transpose", "vh", "v4", ("perm", new[] { 0, 2, 1, 3 })).Node("MatMul", "q4 kt", "p").Node("Softmax", "p", "w", ("axis", -1)).Node("MatMul", "w v4", "o")
                .Node("Transpose", "o", "ot", ("perm", new[] { 0, 2, 1, 3 })).Node("Reshape", "ot merge", "y").Output("y").Has(0, "onnxstream.Attention").Check();
        }
        else
        {
            new PassTester { Tolerance = 1e-5 }.Input("q", TestTensors.Floats(1, 2, 6, 5)).Input("kt", TestTensors.Floats(2, 5, 9)).Input("v", TestTensors.Floats(3, 1, 9, 4))
                .Node("MatMul", "q kt", "p").Node("Softmax", "p", "w", ("axis", -1)).Node("MatMul", "w v", "y").Output("y").Has(0, "onnxstream.Attention").Check();
        }
    }

    // Two images of one head each, whose products broadcast to four.
    [Test]
    public void RanksThatBroadcast() =>
        new PassTester { Tolerance = 1e-5 }.Input("q", TestTensors.Floats(1, 2, 6, 5)).Input("k", TestTensors.Floats(2, 2, 9, 5)).Input("v", TestTensors.Floats(3, 2, 9, 5))
            .Integers("qs", 2, 6, 1, 5).Integers("ks", 2, 9, 1, 5).Integers("three", 2, 6, 5)
            .Node("Reshape", "q qs", "qh").Node("Transpose", "qh", "q4", ("perm", new[] { 0, 2, 1, 3 })).Node("Reshape", "q4 three", "q3").Node("Reshape", "k ks", "kh").Node("Transpose", "kh", "kt", ("perm", new[] { 0, 2, 3, 1 }))
            .Node("Reshape", "v ks", "vh").Node("Transpose", "vh", "v4", ("perm", new[] { 0, 2, 1, 3 })).Node("MatMul", "q3 kt", "p").Node("Softmax", "p", "w", ("axis", -1)).Node("MatMul", "w v4", "y").Output("y")
            .Has(0, "onnxstream.Attention").Check();

    [Test]
    public void ScaleThatAddsADimension() =>
        Plain().Constant("big", TensorBuffer.Create<float>([0.4f], 1, 1, 1, 1)).Node("MatMul", "q kt", "p").Node("Mul", "p big", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("MatMul", "w v", "y").Output("y").Check();

    [Test]
    public void SoftmaxWithoutProducts() => new PassTester().Input("x", TestTensors.Floats(1, 2, 6, 9)).Node("Sin", "x", "s").Node("Softmax", "s", "w", ("axis", -1)).Node("Cos", "w", "y").Output("y").Becomes("1 Cos, 1 Sin, 1 Softmax").Check();

    [TestCase(0, 9, 5)]
    [TestCase(7, 9, 0)]
    public void NothingToCompute(long queries, long keys, long depth) => new Pattern { Layout = HeadLayout.None, Queries = queries, Keys = keys, Depth = depth, Scaling = Scaling.None }.Build().Check();

    [Test]
    public void RandomShapes() =>
        Gen.Select(Gen.Long[1, 3], Gen.Long[1, 4], Gen.Select(Gen.Long[1, 30], Gen.Long[1, 30]), Gen.Select(Gen.Long[1, 20], Gen.Long[1, 20]), Gen.Enum<HeadLayout>(), Gen.Enum<Scaling>(), Gen.Int[0, 3]).Sample(
            (batch, heads, tokens, depths, layout, scaling, mask) =>
                new Pattern
                {
                    Batch = batch,
                    Heads = heads,
                    Queries = tokens.Item1,
                    Keys = tokens.Item2,
                    Depth = depths.Item1,
                    ValueDepth = depths.Item2,
                    Layout = layout,
                    Scaling = scaling,
                    Mask = mask switch { 0 => null, 1 => [tokens.Item2], 2 => [tokens.Item1, tokens.Item2], _ => [1, 1, tokens.Item2] },
                }.Build().Has(1, "onnxstream.Attention").Check(),
            iter: 60, threads: 1);

    private static PassTester Plain() => new PassTester { Tolerance = 1e-5 }.Input("q", TestTensors.Floats(1, 2, 7, 5)).Input("kt", TestTensors.Floats(2, 2, 5, 9)).Input("v", TestTensors.Floats(3, 2, 9, 4))
        .Scalar("scale", 0.4f).Input("mask", TestTensors.Floats(4, 7, 9));

    // As exporters repeat the heads of keys and values that several heads of queries share; rotary embedding stands in the way of tokens.
    [TestCase("Expand", 2)]
    [TestCase("Tile", 4)]
    public void HeadsShareKeysAndValues(string repeating, int group)
    {
        const int Batch = 2, Shared = 3, Queries = 5, Keys = 7, Depth = 6;
        int heads = Shared * group;
        PassTester tester = new PassTester().Input("q", TestTensors.Floats(1, Batch, heads, Queries, Depth)).Input("k", TestTensors.Floats(2, Batch, Shared, Keys, Depth)).Input("v", TestTensors.Floats(3, Batch, Shared, Keys, Depth))
            .Integers("axis", 2).Integers("joined", Batch, heads, Keys, Depth).Constant("mask", TestTensors.Floats(4, 1, 1, Queries, Keys)).Scalar("factor", 0.4f)
            .Integers("shape", repeating == "Expand" ? [Batch, Shared, group, Keys, Depth] : [1, 1, group, 1, 1]).Node("Cos", "k", "kc").Node("Cos", "v", "vc");
        foreach (string name in (string[])["k", "v"])
        {
            tester.Node("Unsqueeze", $"{name}c axis", name + "1").Node(repeating, $"{name}1 shape", name + "2").Node("Reshape", $"{name}2 joined", name + "3");
        }

        tester.Node("Transpose", "k3", "kt", ("perm", new[] { 0, 1, 3, 2 })).Node("MatMul", "q kt", "s").Node("Mul", "s factor", "t").Node("Add", "t mask", "u").Node("Softmax", "u", "p", ("axis", -1)).Node("MatMul", "p v3", "y")
            .Output("y").Has(0, repeating).Has(1, "onnxstream.Attention").Check(3);
    }
}
