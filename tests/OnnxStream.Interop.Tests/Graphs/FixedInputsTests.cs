using OnnxStream.Interop.Tests.Onnx;

namespace OnnxStream.Interop.Tests.Graphs;

public class FixedInputsTests
{
    [TestCase(true, 3f)]
    [TestCase(false, -1f)]
    public void AnInputThatIsFixedDecidesAnIfBeforeTheModelRuns(bool condition, float expected)
    {
        using InferenceSession session = new(Branches().WithFixedInputs(new Dictionary<string, TensorBuffer> { ["c"] = TensorBuffer.Create<bool>([condition], 1) }));

        Assert.That(session.Inputs.Select(input => input.Name), Is.EqualTo(new[] { "x" }));
        Assert.That(session.Plan().Steps.Select(step => step.OperatorType), Is.EqualTo(new[] { condition ? "Add" : "Sub" }));
        RunResult result = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([1], 1) });
        Assert.That(result["y"].Span<float>().ToArray(), Is.EqualTo(new[] { expected }));
    }

    [Test]
    public void TheModelItselfIsAsBefore()
    {
        Model model = Branches();
        _ = model.WithFixedInputs(new Dictionary<string, TensorBuffer> { ["c"] = TensorBuffer.Create<bool>([true], 1) });

        Assert.That(model.Inputs.Select(input => input.Name), Is.EqualTo(new[] { "x", "c" }));
        using InferenceSession session = new(model);
        RunResult result = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([1], 1), ["c"] = TensorBuffer.Create<bool>([false], 1) });
        Assert.That(result["y"].Span<float>()[0], Is.EqualTo(-1));
    }

    [Test]
    public void AnInputWithADefaultValueIsNoneAnyMore()
    {
        Model model = ModelBytes.Load(new ModelBuilder(17).Input("x", ElementType.Float32, 2).Input("s", ElementType.Float32, 2).Initializer("s", TensorBuffer.Create<float>([5, 5], 2)).Output("y").Node("Mul", "x s", "y").Build());
        Model made = model.WithFixedInputs(new Dictionary<string, TensorBuffer> { ["s"] = TensorBuffer.Create<float>([2, 3], 2) });

        Assert.That(made.OptionalInputs, Is.Empty);
        using InferenceSession session = new(made);
        Assert.That(session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([1, 1], 2) })["y"].Span<float>().ToArray(), Is.EqualTo(new[] { 2f, 3f }));
    }

    [Test]
    public void ATensorThatTheModelDoesNotTakeIsRefused()
    {
        Model model = Branches();
        Assert.Multiple(() =>
        {
            Assert.That(() => model.WithFixedInputs(new Dictionary<string, TensorBuffer> { ["c"] = TensorBuffer.Create<float>([1], 1) }), Throws.TypeOf<InvalidInputException>().With.Message.Contains("'c'"));
            Assert.That(() => model.WithFixedInputs(new Dictionary<string, TensorBuffer> { ["c"] = TensorBuffer.Create<bool>([true, true], 2) }), Throws.TypeOf<InvalidInputException>().With.Message.Contains("'c'"));
            Assert.That(() => model.WithFixedInputs(new Dictionary<string, TensorBuffer> { ["d"] = TensorBuffer.Create<bool>([true], 1) }), Throws.TypeOf<InvalidInputException>().With.Message.Contains("'d'"));
        });
    }

    private static Model Branches()
    {
        ModelBuilder yes = new ModelBuilder(17).Output("a").Node("Add", "x two", "a");
        ModelBuilder no = new ModelBuilder(17).Output("b").Node("Sub", "x two", "b");
        return ModelBytes.Load(new ModelBuilder(17).Input("x", ElementType.Float32, 1).Input("c", ElementType.Bool, 1).Output("y").Initializer("two", TensorBuffer.Create<float>([2], 1))
            .Node("If", "c", "y", ("then_branch", yes.Graph), ("else_branch", no.Graph)).Build());
    }
}
