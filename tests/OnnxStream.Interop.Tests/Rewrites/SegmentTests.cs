using OnnxStream.Interop.Onnx;
using Inputs = System.Collections.Generic.Dictionary<string, OnnxStream.Interop.TensorBuffer>;

namespace OnnxStream.Interop.Tests.Rewrites;

/// <summary>Graphs that cannot be planned as a whole, because shapes depend on what is computed.</summary>
[NativeMemoryLeakCheck]
public class SegmentTests
{
    [Test]
    public void ShapeThatIsComputed() =>
        // The target of the reshape is computed from the content of an input.
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Input("n", ElementType.Int64, 1).Initializer("rest", TestTensors.Integers(-1))
                .Node("Add", "n n", "twice").Node("Concat", "twice rest", "target", ("axis", 0)).Node("Exp", "x", "e").Node("Reshape", "e target", "r").Node("Sqrt", "r", "o").Output("o"),
            new Inputs { ["x"] = TestTensors.Floats(1, 6, 4), ["n"] = TestTensors.Integers(3) },
            new Inputs { ["x"] = TestTensors.Floats(2, 6, 4), ["n"] = TestTensors.Integers(2) });

    [Test]
    public void InputsAreOutputs() =>
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Input("n", ElementType.Int64, 2).Input("unused", ElementType.Float32, 3)
                .Node("Reshape", "x n", "o").Output("o").Output("x").Output("n", ElementType.Int64).Output("unused"),
            new Inputs { ["x"] = TestTensors.Floats(1, 6, 4), ["n"] = TestTensors.Integers(3, 8), ["unused"] = TestTensors.Floats(5, 3) });

    [Test]
    public void InitializersAreOutputs([Values(3, 1000)] int size) =>
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Input("n", ElementType.Int64, 2).Initializer("w", TestTensors.Floats(1, size))
                .Node("Reshape", "x n", "r").Node("Reshape", "r n", "o").Output("o").Output("w"),
            new Inputs { ["x"] = TestTensors.Floats(1, 6, 4), ["n"] = TestTensors.Integers(3, 8) });

    [Test]
    public void OnlyAnInitializer([Values(3, 1000)] int size) =>
        Check(new ModelBuilder(17).Initializer("w", TestTensors.Floats(1, size)).Output("w"), new Inputs());

    [Test]
    public void ConstantsCrossSegments()
    {
        // "c" is folded in the first segment and a shape in the second; "wide" is a weight that is converted when it is read.
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Input("n", ElementType.Int64, 2).Initializer("w", TestTensors.Random(ElementType.Float16, 1, -1, 1, 300, 100))
            .Node("Cast", "w", "wide", ("to", 1)).Node("Constant", "", "c", ("value_ints", new[] { 2, 12 })).Node("Constant", "", "i", ("value_ints", new[] { 5, 7 }))
            .Node("Reshape", "x n", "r").Node("Reshape", "r c", "rr").Node("Gather", "wide i", "g").Node("Reshape", "g n2", "gg").Node("Sqrt", "rr", "o")
            .Input("n2", ElementType.Int64, 1).Output("o").Output("gg").Output("c", ElementType.Int64);
        RunResult result = Check(builder, new Inputs { ["x"] = TestTensors.Floats(1, 6, 4), ["n"] = TestTensors.Integers(3, 8), ["n2"] = TestTensors.Integers(200) });
        Assert.That(result.Statistics.WeightsBytesStreamed, Is.EqualTo(2 * 100 * 2));
    }

    // What one segment hands to the next is written over by the next run; what a run returned is not. Large enough for all threads to copy.
    [TestCase(false)]
    [TestCase(true)]
    public void ResultsStayWhatTheyAre(bool asksForMore)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 600, 400).Input("n", ElementType.Int64, 2)
            .Node("Exp", "x", "e").Node("Reshape", "e n", "r").Node("Sqrt", "r", "o").Output("o").ToBytes());
        SessionOptions options = new() { ThreadCount = 2, AdditionalOutputs = asksForMore ? ["e"] : [] };
        Inputs[] inputs = [.. new[] { 1, 2, 1 }.Select(seed => new Inputs { ["x"] = TestTensors.Floats(seed, 600, 400), ["n"] = TestTensors.Integers(-1, 200) })];
        using InferenceSession session = new(path, options);
        RunResult[] results = [.. inputs.Select(input => session.Run(input))];
        for (int i = 0; i < inputs.Length; i++)
        {
            using InferenceSession fresh = new(path, options);
            RunResult expected = fresh.Run(inputs[i]);
            foreach ((string name, TensorBuffer tensor) in expected.Outputs)
            {
                Assert.That(results[i][name].Bytes.SequenceEqual(tensor.Bytes), Is.True, $"{name} of run {i}");
            }
        }
    }

    [Test]
    public void PlansAreKeptByContent()
    {
        // More different contents than plans are kept, and back again.
        Inputs[] runs = [.. new long[] { 1, 2, 3, 4, 6, 8, 12, 24, 1, 2 }.Select(n => new Inputs { ["x"] = TestTensors.Floats((int)n, 6, 4), ["n"] = TestTensors.Integers(n, -1) })];
        Check(new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Input("n", ElementType.Int64, 2).Node("Reshape", "x n", "r").Node("Softmax", "r", "o").Output("o"), runs);
    }

    [Test]
    public void WhatFollowsADataDependentShapeIsPlannedOncePerShape()
    {
        byte[] model = Mask(new ModelBuilder(17)).Node("GatherND", "x places", "v").Node("Exp", "v", "e").Node("Sqrt", "e", "o").Output("o").ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));

        // The part up to NonZero was planned when the session was made.
        Assert.That(session.PlansMade, Is.EqualTo(1));
        int[] counts = [3, 5, 3, 5, 5, 3, 0, 24, 0, 24, 3, 5];
        HashSet<int> seen = [];
        foreach (int count in counts)
        {
            TensorBuffer x = TensorBuffer.Create<float>([.. Enumerable.Range(0, 24).Select(i => i < count ? i + 1f : -1f)], 6, 4);
            Assert.That(session.Run(new Inputs { ["x"] = x })["o"].Shape, Is.EqualTo(new Shape(count)));
            seen.Add(count);
            Assert.That(session.PlansMade, Is.EqualTo(1 + seen.Count), $"after {count}");
        }
    }

    [Test]
    public void ALoopOfAnyLengthIsPlannedOnce()
    {
        Google.Protobuf.Collections.RepeatedField<NodeProto> nodes = new ModelBuilder(17).Node("Identity", "go", "on").Node("Exp", "state", "next").Node("Identity", "next", "collected").Nodes;
        GraphProto body = new() { Name = "body", Node = { nodes }, Input = { ModelBuilder.Declare("i", ElementType.Int64), ModelBuilder.Declare("go", ElementType.Bool), ModelBuilder.Declare("state", ElementType.Float32, 2) } };
        body.Output.Add([ModelBuilder.Declare("on", ElementType.Bool), ModelBuilder.Declare("next", ElementType.Float32, 2), ModelBuilder.Declare("collected", ElementType.Float32, 2)]);

        // As many iterations as the run says, none among them; how many rows there are is the shape of what follows.
        byte[] model = new ModelBuilder(17).Input("n", ElementType.Int64).Input("x", ElementType.Float32, 2).Initializer("yes", TensorBuffer.Create([true]))
            .Node("Loop", "n yes x", "last rows", ("body", body)).Node("Shape", "rows", "s").Node("ConstantOfShape", "s", "z").Node("Add", "rows z", "o").Output("o").Output("last").Output("s", ElementType.Int64).ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        int before = -1;
        foreach (long n in (long[])[3, 0, 7, 1, 3, 0, 7, 1])
        {
            Inputs inputs = new() { ["n"] = TensorBuffer.Create([n]), ["x"] = TestTensors.Random(ElementType.Float32, 1, -2, -1, 2) };
            RunResult result = session.Run(inputs);
            foreach ((string name, TensorBuffer expected) in Oracle.Run(model, inputs))
            {
                TestTensors.AssertClose(result[name], expected, 1e-4, $"{n} iterations, {name}");
            }

            before = n == 1 && before < 0 ? session.PlansMade : before;
        }

        Assert.That(session.PlansMade, Is.EqualTo(before), "everything has been seen in the first four runs");
    }

    [Test]
    public void SymbolicDimensions() =>
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, -1, 4).Node("Shape", "x", "s").Node("ConstantOfShape", "s", "z").Node("Add", "x z", "o").Output("o").Output("s", ElementType.Int64),
            new Inputs { ["x"] = TestTensors.Floats(1, 6, 4) },
            new Inputs { ["x"] = TestTensors.Floats(1, 1, 4) },
            new Inputs { ["x"] = TestTensors.Floats(1, 0, 4) });

    [Test]
    public void WrongContentIsRefused()
    {
        byte[] model = new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Input("n", ElementType.Int64, 2).Node("Exp", "x", "e").Node("Reshape", "e n", "o").Output("o").ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        Inputs inputs = new Inputs { ["x"] = TestTensors.Floats(1, 6, 4), ["n"] = TestTensors.Integers(5, -1) };
        Assert.That(() => session.Run(inputs), Throws.TypeOf<InvalidGraphException>().With.Message.Contains("Reshape"));
        inputs["n"] = TestTensors.Integers(8, -1);
        Assert.That(session.Run(inputs)["o"].Shape, Is.EqualTo(new Shape(8, 3)));
    }

    // How many elements are positive changes from run to run, down to none.
    private static readonly Inputs[] s_masks =
    [
        new Inputs { ["x"] = TestTensors.Floats(1, 6, 4) },
        new Inputs { ["x"] = TestTensors.Floats(2, 6, 4) },
        new Inputs { ["x"] = TestTensors.Random(ElementType.Float32, 3, -2, -1, 6, 4) },
        new Inputs { ["x"] = TestTensors.Random(ElementType.Float32, 4, 1, 2, 6, 4) },
        new Inputs { ["x"] = TestTensors.Floats(1, 6, 4) },
    ];

    [Test]
    public void MaskedElements() =>
        // x[x > 0], as exporters write it, and its use.
        Check(
            Mask(new ModelBuilder(17)).Node("GatherND", "x places", "v").Node("Exp", "v", "e").Node("ReduceSum", "e", "o").Output("o").Output("v").Output("indices", ElementType.Int64),
            s_masks);

    [Test]
    public void MaskedElementsArePutBack() =>
        Check(
            Mask(new ModelBuilder(17)).Node("GatherND", "x places", "v").Node("Neg", "v", "n").Node("ScatterND", "x places n", "o").Output("o"),
            s_masks);

    [Test]
    public void ShapeOfDataDependentResult() =>
        // The number of positive elements becomes a dimension, a limit, a repeat, and a number to compute with.
        Check(
            Mask(new ModelBuilder(17)).Initializer("one", TensorBuffer.Create<long>([1])).Initializer("ones", TestTensors.Integers(1)).Initializer("row", TestTensors.Floats(7, 1, 3))
                .Node("Shape", "places", "shape").Node("Gather", "shape axis", "count", ("axis", 0)).Node("Range", "axis count one", "r")
                .Node("Unsqueeze", "count axes", "counts").Node("Concat", "counts ones", "repeats", ("axis", 0)).Node("Tile", "row repeats", "t")
                .Node("ConstantOfShape", "counts", "z").Node("Cast", "r", "rf", ("to", 1)).Node("Add", "z rf", "o")
                .Initializer("axis", TensorBuffer.Create<long>([0])).Initializer("axes", TestTensors.Integers(0))
                .Output("o").Output("t").Output("count", ElementType.Int64),
            s_masks);

    [Test]
    public void OneAfterTheOther() =>
        // Each NonZero, Compress and Unique starts a segment of its own.
        Check(
            Mask(new ModelBuilder(17)).Node("GatherND", "x places", "v").Node("Floor", "v", "f").Node("Unique", "f", "u first inverse counts").Node("Greater", "u zero", "big").Node("Compress", "u big", "c")
                .Node("Cast", "c", "m", ("to", 9)).Node("NonZero", "m", "last").Node("Gather", "v inverse", "g").Node("Exp", "v", "after")
                .Output("u").Output("inverse", ElementType.Int64).Output("counts", ElementType.Int64).Output("c").Output("last", ElementType.Int64).Output("after"),
            s_masks);

    [Test]
    public void WeightsBehindDataDependentShapes() =>
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Initializer("zero", TensorBuffer.Create<float>([0])).Initializer("w", TestTensors.Floats(8, 4, 300)).Initializer("b", TestTensors.Floats(9, 300)).Initializer("axes", TestTensors.Integers(1))
                .Node("ReduceSum", "x axes", "s", ("keepdims", 0)).Node("Greater", "s zero", "m").Node("Compress", "x m", "rows", ("axis", 0)).Node("MatMul", "rows w", "p").Node("Add", "p b", "pb").Node("Softmax", "pb", "o").Output("o"),
            s_masks);

    [Test]
    public void ComputedK() =>
        Check(
            Mask(new ModelBuilder(17)).Node("GatherND", "x places", "v").Node("Shape", "v", "k").Node("Reshape", "x flat", "xf").Initializer("flat", TestTensors.Integers(-1)).Node("TopK", "xf k", "o i").Output("o").Output("i", ElementType.Int64),
            s_masks);

    [Test]
    public void DataDependentResultOfConstantsIsFolded() =>
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Initializer("m", TestTensors.Integers(0, 1, 0, 1, 1)).Node("NonZero", "m", "n").Node("Reshape", "n flat", "i").Initializer("flat", TestTensors.Integers(-1)).Node("Gather", "x i", "o").Output("o"),
            s_masks);

    [Test]
    public void NobodyReadsDataDependentResult() =>
        Check(Mask(new ModelBuilder(17)).Node("Exp", "x", "o").Output("o"), s_masks);

    [Test]
    public void AdditionalOutputsOfEverySegment()
    {
        byte[] model = Mask(new ModelBuilder(17)).Node("GatherND", "x places", "v").Node("Exp", "v", "o").Output("o").ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { AdditionalOutputs = ["mask", "places", "v"] });
        foreach (Inputs inputs in s_masks)
        {
            RunResult result = session.Run(inputs);
            long count = inputs["x"].Span<float>().ToArray().Count(value => value > 0);
            Assert.That(result["places"].Shape, Is.EqualTo(new Shape(count, 2)));
            Assert.That(result["v"].Shape, Is.EqualTo(new Shape(count)));
            Assert.That(result["mask"].Shape, Is.EqualTo(new Shape(6, 4)));
        }
    }

    [Test]
    public void FailureInLaterSegmentLeavesSessionUsable()
    {
        // As many rows as there are positive elements are looked up in a table of five.
        byte[] model = Mask(new ModelBuilder(17)).Initializer("table", TestTensors.Floats(5, 13, 40)).Initializer("flat", TestTensors.Integers(-1)).Node("Shape", "places", "s").Node("Gather", "s zeros", "n")
            .Initializer("zeros", TestTensors.Integers(0)).Node("Cast", "n", "nf", ("to", 1)).Node("Cast", "nf", "ni", ("to", 7)).Node("Exp", "nf", "later").Node("Gather", "table ni", "o").Output("o").Output("later").ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        Assert.That(() => session.Run(s_masks[3]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("24"));
        TestTensors.AssertClose(session.Run(s_masks[2])["o"], Oracle.Run(model, s_masks[2])["o"], 1e-6, "after a failure");
    }

    [Test]
    public void CancelledBetweenSegments()
    {
        byte[] model = Mask(new ModelBuilder(17)).Node("GatherND", "x places", "v").Node("Exp", "v", "o").Output("o").ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        using CancellationTokenSource source = new();
        RunOptions options = new() { Progress = new CancelAt(source, "GatherND_3") };
        Assert.That(() => session.Run(s_masks[0], options, source.Token), Throws.InstanceOf<OperationCanceledException>());
        TestTensors.AssertClose(session.Run(s_masks[0])["o"], Oracle.Run(model, s_masks[0])["o"], 1e-6, "after cancelling");
    }

    private sealed class CancelAt(CancellationTokenSource source, string node) : IProgress<RunProgress>
    {
        public void Report(RunProgress value)
        {
            if (value.NodeName == node)
            {
                source.Cancel();
            }
        }
    }

    // The places of the positive elements of "x": [2, count] as "indices", [count, 2] as "places".
    private static ModelBuilder Mask(ModelBuilder builder) =>
        builder.Input("x", ElementType.Float32, 6, 4).Initializer("zero", TensorBuffer.Create<float>([0]))
            .Node("Greater", "x zero", "mask").Node("NonZero", "mask", "indices").Node("Transpose", "indices", "places", ("perm", new[] { 1, 0 }));

    private static RunResult Check(ModelBuilder builder, params Inputs[] runs)
    {
        byte[] model = builder.ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 2 });
        RunResult? result = null;
        for (int i = 0; i < runs.Length; i++)
        {
            result = session.Run(runs[i]);
            foreach ((string name, TensorBuffer expected) in Oracle.Run(model, runs[i]))
            {
                TestTensors.AssertClose(result[name], expected, 1e-5, $"run {i}, {name}");
            }
        }

        return result!;
    }
}
