using Inputs = System.Collections.Generic.Dictionary<string, OnnxStream.Interop.TensorBuffer>;

namespace OnnxStream.Interop.Tests.Graphs;

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

    [Test]
    public void PlansAreKeptByContent()
    {
        // More different contents than plans are kept, and back again.
        Inputs[] runs = [.. new long[] { 1, 2, 3, 4, 6, 8, 12, 24, 1, 2 }.Select(n => new Inputs { ["x"] = TestTensors.Floats((int)n, 6, 4), ["n"] = TestTensors.Integers(n, -1) })];
        Check(new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Input("n", ElementType.Int64, 2).Node("Reshape", "x n", "r").Node("Softmax", "r", "o").Output("o"), runs);
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
