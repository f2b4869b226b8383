namespace OnnxStream.Interop.Tests.Graphs;

public class GivenValuesTests
{
    // a -> b -> c, and c beside a: a skip connection. d beside e is none: neither was made from the other.
    private static ModelBuilder Build() => new ModelBuilder(17).Input("x", ElementType.Float32, 1, 2, 3)
        .Node("Relu", "x", "a").Node("Exp", "a", "b").Node("Neg", "b", "c").Node("Concat", "c a", "d", ("axis", 1L))
        .Node("Tanh", "x", "e").Node("Abs", "x", "f").Node("Concat", "e f", "g", ("axis", 1L))
        .Node("Add", "d g", "y").Output("y");

    [Test]
    public void FindsWhatIsPutBesideWhatItWasMadeFrom()
    {
        using TemporaryFolder folder = new();
        SkipConnection connection = Model.Load(folder.Write("model.onnx", Build().ToBytes())).FindSkipConnections().Single();
        Assert.That((connection.Deep, connection.Shallow), Is.EqualTo(("c", "a")));
    }

    [Test]
    public void TheRestOfAModelGoesOnFromAValueThatItIsGiven()
    {
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("model.onnx", Build().ToBytes()));
        Model rest = model.WithInputs("c");
        TensorBuffer x = TensorBuffer.Create<float>([-1, 2, -3, 4, -5, 6], 1, 2, 3);
        using InferenceSession whole = new(model, new SessionOptions { AdditionalOutputs = ["c"] });
        using InferenceSession part = new(rest);
        RunResult expected = whole.Run(new Dictionary<string, TensorBuffer> { ["x"] = x });
        RunResult actual = part.Run(new Dictionary<string, TensorBuffer> { ["x"] = x, ["c"] = expected["c"] });
        Assert.Multiple(() =>
        {
            Assert.That(actual["y"].Bytes.SequenceEqual(expected["y"].Bytes));
            Assert.That(rest.Inputs.Select(input => input.Name), Is.EqualTo((string[])["x", "c"]));
            Assert.That(rest.Summarize().Operators.Select(count => count.OperatorType), Has.No.Member("Exp").And.No.Member("Neg"));
            Assert.That(model.Inputs, Has.Count.EqualTo(1), "the model itself stays as it is");
            Assert.That(() => model.WithInputs("nothing"), Throws.ArgumentException.With.Message.Contains("'nothing'"));
        });
    }
}
