using Inputs = System.Collections.Generic.Dictionary<string, OnnxStream.Interop.TensorBuffer>;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>A session returns the outputs that were chosen, and computes what they need.</summary>
[NativeMemoryLeakCheck]
public class SessionOptionsTests
{
    [Test]
    public void OnlyWhatChosenOutputsNeedIsComputed()
    {
        // What is not needed is cut by a shape that depends on data, has a branch, and an operator that nobody knows.
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", Builder().Node("Frobnicate", "e", "f").Output("f").ToBytes());
        Inputs inputs = new() { ["x"] = TestTensors.Floats(1, 2, 3) };
        Assert.That(() => new InferenceSession(path), Throws.TypeOf<UnsupportedOperatorException>());
        using InferenceSession session = new(path, new SessionOptions { Outputs = ["s"] });
        Assert.That(session.Outputs.Select(output => output.Name), Is.EqualTo(new[] { "s" }));
        Assert.That(session.Plan().Parts, Has.Count.EqualTo(1));
        RunResult result = session.Run(inputs);
        Assert.That(result.Outputs.Keys, Is.EqualTo(new[] { "s" }));
        TestTensors.AssertClose(result["s"], Oracle.Run(Builder().ToBytes(), inputs)["s"], 1e-5, "s");

        using InferenceSession two = new(path, new SessionOptions { Outputs = ["n", "s", "n"], AdditionalOutputs = ["e", "s"] });
        Assert.That(two.Run(inputs).Outputs.Keys, Is.EquivalentTo(new[] { "s", "n", "e" }));
    }

    [Test]
    public void OutputsThatDoNotExistAreRefused()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", Builder().ToBytes());
        Assert.That(() => new InferenceSession(path, new SessionOptions { Outputs = ["e"] }), Throws.ArgumentException.With.Message.Contains("no output 'e'").And.Message.Contains("s: float"));
    }

    private static ModelBuilder Builder() => new ModelBuilder(17).Input("x", ElementType.Float32, 2, 3).Node("Exp", "x", "e").Node("Sqrt", "e", "s").Node("NonZero", "x", "n").Output("s").Output("n", ElementType.Int64);
}
