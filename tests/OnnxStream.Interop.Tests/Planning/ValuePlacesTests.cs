using OnnxStream.Interop.Tests.Rewrites;

namespace OnnxStream.Interop.Tests.Planning;

[NativeMemoryLeakCheck]
public class ValuePlacesTests
{
    private static readonly (string Name, object Value) s_samePads = ("pads", new[] { 1, 1, 1, 1 });

    private static PassTester Images(int size = 31) =>
        new PassTester { Tolerance = 1e-3 }.Input("x", TestTensors.Floats(1, 2, 48, size, size)).Input("z", TestTensors.Floats(2, 2, 3, size, size))
            .Constant("pointwise", TestTensors.Floats(3, 40, 48, 1, 1)).Constant("few", TestTensors.Floats(4, 5, 48, 1, 1)).Constant("wide", TestTensors.Floats(5, 50, 48, 3, 3))
            .Constant("small", TestTensors.Floats(6, 48, 4, 3, 3)).Constant("depthwise", TestTensors.Floats(7, 48, 1, 3, 3)).Constant("patches", TestTensors.Floats(8, 17, 3, 3, 3))
            .Constant("column", TestTensors.Floats(9, 33, 48, 3, 1)).Constant("b", TestTensors.Floats(10, 40)).Constant("factor", TestTensors.Floats(11, 40)).Constant("variance", TestTensors.Random(ElementType.Float32, 12, 0.5, 2, 40));

    [Test]
    public void EveryKernelWritesItsStripe()
    {
        PassTester tester = Images()
            .Node("Conv", "x pointwise b", "p").Node("Relu", "p", "p1").Node("Conv", "x few", "f").Node("Conv", "x wide", "w", s_samePads).Node("Conv", "x small", "s", s_samePads, ("group", 12))
            .Node("Conv", "x depthwise", "d", s_samePads, ("group", 48)).Node("Conv", "z patches", "t", s_samePads).Node("Conv", "x column", "c", ("pads", new[] { 1, 0, 1, 0 }))
            .Node("MaxPool", "f", "m", ("kernel_shape", new[] { 3, 3 }), s_samePads).Node("AveragePool", "f", "a", ("kernel_shape", new[] { 3, 3 }), s_samePads, ("count_include_pad", 1))
            .Node("Conv", "x pointwise", "q").Node("BatchNormalization", "q factor b b variance", "n")
            .Node("Concat", "p1 f w s d t c m a n", "k", ("axis", 1)).Node("Conv", "k last", "y").Constant("last", TestTensors.Floats(13, 4, 291, 1, 1)).Output("y");
        tester.Check(threads: 3);
        Assert.That(tester.KernelNames(), Has.None.EqualTo("concatenate"));
        Assert.That(
            tester.KernelNames(),
            Is.SupersetOf((string[])
            [
                "xnn fully connected", "xnn convolution", "winograd convolution", "convolution of small groups", "xnn grouped convolution", "patch convolution", "max pooling channels last",
                "average pooling channels last", "batch normalization channels last",
            ]));
    }

    [Test]
    public void RowsOfMatrices([Values] bool isActivated)
    {
        PassTester tester = new PassTester { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 9, 20)).Constant("u", TestTensors.Floats(2, 20, 37)).Constant("v", TestTensors.Floats(3, 20, 64)).Node("MatMul", "x u", "a").Node("MatMul", "x v", "b");
        (isActivated ? tester.Node("Sigmoid", "a", "s").Node("Mul", "a s", "c") : tester.Node("Identity", "a", "c")).Node("Concat", "c b", "d", ("axis", -1)).Node("Sin", "d", "y").Output("y");
        tester.Check(threads: 3);
        Assert.That(tester.KernelNames(), Has.None.EqualTo("concatenate"));
    }

    // Behind each other: whoever makes the parts need not know.
    [Test]
    public void WholeParts()
    {
        PassTester tester = new PassTester().Input("x", TestTensors.Floats(1, 3, 7)).Input("z", TestTensors.Floats(2, 2, 7))
            .Node("Sin", "x", "a").Node("Softmax", "z", "b").Node("Cos", "x", "c").Node("Concat", "a b c", "d", ("axis", 0)).Node("Neg", "d", "y").Output("y");
        tester.Check();
        Assert.That(tester.KernelNames(), Has.None.EqualTo("concatenate"));
    }

    // A view of something else is no part that anybody writes; an input is the caller's.
    [TestCase("a r")]
    [TestCase("r a")]
    [TestCase("x a")]
    [TestCase("a a")]
    [TestCase("a c a")]
    public void WhatLiesElsewhereIsCopied(string inputs)
    {
        PassTester tester = new PassTester().Input("x", TestTensors.Floats(1, 3, 7)).Integers("shape", 3, 7).Integers("other", 7, 3).Node("Sin", "x", "a").Node("Reshape", "a other", "o").Node("Reshape", "o shape", "r").Node("Cos", "o", "unused")
            .Node("Cos", "x", "c").Node("Concat", inputs, "d", ("axis", 0)).Node("Neg", "d", "y").Output("y").Output("unused");
        tester.Check();
        Assert.That(tester.KernelNames(), Has.One.EqualTo("concatenate"));
    }

    // Whoever else reads a stripe must know what it is.
    [Test]
    public void ReadElsewhere([Values("Sin", "MaxPool")] string reader)
    {
        PassTester tester = Images().Node("Conv", "x pointwise b", "p").Node("Conv", "x few", "f");
        _ = reader == "Sin" ? tester.Node("Sin", "p", "r") : tester.Node("MaxPool", "p", "r", ("kernel_shape", new[] { 2, 2 }));
        tester.Node("Concat", "f p", "c", ("axis", 1)).Node("Conv", "c last", "y").Constant("last", TestTensors.Floats(13, 4, 45, 1, 1)).Output("y").Output("r").Check();
        Assert.That(tester.KernelNames().Count(name => name == "concatenate"), Is.EqualTo(reader == "Sin" ? 1 : 0));
    }

    [Test]
    public void ResultsOfTheGraphHaveMemoryOfTheirOwn()
    {
        PassTester tester = new PassTester().Input("x", TestTensors.Floats(1, 3, 7)).Node("Sin", "x", "a").Node("Cos", "x", "b").Node("Concat", "a b", "d", ("axis", 0)).Node("Neg", "d", "y").Output("y").Output("a").Output("d");
        tester.Check();
        Assert.That(tester.KernelNames(), Has.One.EqualTo("concatenate"));
    }

    // Each layer reads what all before it have written (DenseNet): one tensor that grows.
    [Test]
    public void DenseBlock()
    {
        PassTester tester = Images(size: 12).Node("Conv", "x pointwise b", "c0");
        string all = "c0";
        for (int i = 0; i < 4; i++)
        {
            int channels = 40 + 12 * i;
            tester.Constant($"s{i}", TestTensors.Floats(20 + i, channels)).Constant($"v{i}", TestTensors.Random(ElementType.Float32, 30 + i, 0.5, 2, channels)).Constant($"w{i}", TestTensors.Floats(40 + i, 12, channels, 3, 3));
            if (i > 0)
            {
                tester.Node("Concat", all, $"k{i}", ("axis", 1));
            }

            tester.Node("BatchNormalization", $"{(i == 0 ? "c0" : $"k{i}")} s{i} s{i} s{i} v{i}", $"n{i}").Node("Relu", $"n{i}", $"r{i}").Node("Conv", $"r{i} w{i}", $"c{i + 1}", s_samePads);
            all += $" c{i + 1}";
        }

        tester.Node("Concat", all, "k", ("axis", 1)).Node("MaxPool", "k", "y", ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 })).Output("y").Becomes("4 Concat, 2 Transpose, 4 onnxstream.BatchNormalization, 5 onnxstream.Conv, 1 onnxstream.MaxPool").Check();
        Assert.That(tester.KernelNames(), Has.None.EqualTo("concatenate"));
    }

    [Test]
    public void StoredInHalf([Values(1, 2)] int threads)
    {
        PlanSummary plan = new PassTester().Input("x", TestTensors.Floats(1, 1, 20, 33, 31)).Constant("w0", TestTensors.Random(ElementType.Float32, 2, -0.2, 0.2, 48, 20, 1, 1)).Constant("u", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, 48, 48, 3, 3))
            .Constant("v", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 40, 48, 1, 1)).Constant("w", TestTensors.Random(ElementType.Float32, 5, -0.1, 0.1, 21, 48, 1, 3)).Constant("w1", TestTensors.Random(ElementType.Float32, 6, -0.1, 0.1, 5, 109, 1, 1))
            .Node("Conv", "x w0", "a").Node("Conv", "a u", "b", s_samePads).Node("Conv", "a v", "c").Node("Conv", "a w", "d", ("pads", new[] { 0, 1, 0, 1 })).Node("Concat", "b c d", "e", ("axis", 1)).Node("Conv", "e w1", "y").Output("y").CheckInHalf(threads);
        Assert.That(plan.Steps.Select(step => step.KernelName), Has.None.EqualTo("concatenate"));
        Assert.That(plan.Steps.Count(step => step.Shapes.EndsWith(":f16", StringComparison.Ordinal)), Is.EqualTo(4));
    }

    // A U-Net's skipped connection is small and lives long; what it is put together with exists only at the end.
    [Test]
    public void SkippedConnectionsStaySmall()
    {
        PassTester tester = new PassTester { Tolerance = 1e-3 }.Input("x", TestTensors.Floats(1, 1, 40, 24, 24)).Constant("down", TestTensors.Floats(2, 40, 40, 1, 1)).Constant("up", TestTensors.Floats(3, 200, 40, 1, 1)).Constant("back", TestTensors.Floats(4, 120, 200, 1, 1)).Constant("last", TestTensors.Floats(5, 4, 160, 1, 1))
            .Node("Conv", "x down", "s").Node("MaxPool", "s", "s1", ("kernel_shape", new[] { 1, 1 })).Node("Conv", "s1 up", "u").Node("Sin", "u", "v").Node("Conv", "v back", "t").Node("Concat", "t s", "k", ("axis", 1)).Node("Conv", "k last", "y").Output("y");
        tester.Check();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", tester.ToBytes()), new SessionOptions { PlanOnly = true, ThreadCount = 1 });
        Assert.That(session.Plan().Steps.Count(step => step.KernelName == "concatenate"), Is.EqualTo(1));
        // What 480 channels need: 200 that are read, 120 and 40 that are written and wait, and what kernels need for themselves.
        Assert.That(session.Plan().ArenaBytes, Is.LessThan(24 * 24 * 480 * sizeof(float)));
    }
}
