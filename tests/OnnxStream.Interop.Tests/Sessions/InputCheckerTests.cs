using OnnxStream.Interop.Onnx;

using Inputs = System.Collections.Generic.Dictionary<string, OnnxStream.Interop.TensorBuffer>;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>What a run may be given: inputs with and without default values, compared with ONNX Runtime.</summary>
[NativeMemoryLeakCheck]
public class InputCheckerTests
{
    private static readonly string[] s_defaults = ["w", "shape", "step", "c", "n"];

    [Test]
    public void InputsWithDefaultValuesMayBeGiven([Values] bool hasBudget)
    {
        byte[] model = Everything().ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 2, MemoryBudget = hasBudget ? 64 << 20 : null });
        Assert.That(session.Inputs.Select(input => (input.Name, input.HasDefault)), Is.EqualTo(new[] { ("x", false) }));
        Assert.That(session.OptionalInputs.Select(input => input.ToString()), Is.EqualTo(new[] { "w: float[30,dw1]", "shape: int64[2]", "step: float[]", "c: bool[]", "n: int64[]" }));
        Assert.That(session.OptionalInputs, Has.All.Property("HasDefault").True);
        Inputs given = new()
        {
            ["w"] = TestTensors.Floats(9, 30, 60),
            ["shape"] = TensorBuffer.Create<long>([8, -1], 2),
            ["step"] = TensorBuffer.Create([-2f]),
            ["c"] = TensorBuffer.Create([false]),
            ["n"] = TensorBuffer.Create([2L]),
        };
        string[][] subsets = [[], .. s_defaults.Select(name => new[] { name }), s_defaults, ["c", "n"], []];
        foreach (string[] names in subsets)
        {
            Inputs inputs = new() { ["x"] = TestTensors.Floats(1, 4, 30) };
            foreach (string name in names)
            {
                inputs.Add(name, given[name]);
            }

            RunResult result = session.Run(inputs);
            foreach ((string name, TensorBuffer expected) in Oracle.Run(model, inputs))
            {
                TestTensors.AssertClose(result[name], expected, 1e-5, $"{name} given {string.Join(", ", names)}");
            }

            Assert.That(session.Plan(inputs.ToDictionary(input => input.Key, input => input.Value.Type)).Steps, Is.Not.Empty);
        }
    }

    [Test]
    public void ADefaultValueCostsNothing()
    {
        // The same plan as with a plain constant: the shape is folded, the weight is streamed.
        using TemporaryFolder folder = new();
        using InferenceSession with = new(folder.Write("with.onnx", Simple().ToBytes()));
        ModelProto plain = Simple().Build();
        while (plain.Graph.Input.Count > 1)
        {
            plain.Graph.Input.RemoveAt(1);
        }

        using InferenceSession without = new(folder.Write("without.onnx", Google.Protobuf.MessageExtensions.ToByteArray(plain)));
        (PlanSummary expected, PlanSummary found) = (without.Plan(), with.Plan());
        Assert.That(found.Steps, Is.EqualTo(expected.Steps));
        Assert.That((found.PeakBytes, found.WeightsBytes, found.Parts.Count), Is.EqualTo((expected.PeakBytes, expected.WeightsBytes, 1)));
        Assert.That(found.WeightsBytes, Is.GreaterThan(0));
        with.Run(new Inputs { ["x"] = TestTensors.Floats(1, 4, 30) });
        Assert.That(with.PlansMade, Is.EqualTo(1));
    }

    [Test]
    public void WhatIsGivenMustFitTheDeclaration()
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", Simple().ToBytes()));
        Inputs inputs = new() { ["x"] = TestTensors.Floats(1, 4, 30) };
        Fails("w", TestTensors.Floats(2, 31, 40), "the shape [31,40]", "w: float[30,dw1]");
        Fails("w", TestTensors.Floats(2, 30), "the shape [30]");
        Fails("w", TensorBuffer.Create<long>([1], 1, 1), "elements of type int64");
        Fails("shape", TensorBuffer.Create<long>([1], 1), "the shape [1]");
        Fails("v", TestTensors.Floats(2, 30, 40), "no input 'v'", "x: float[4,30]", "with default values: w: float[30,dw1], shape: int64[2]");
        Assert.That(() => session.Run(new Inputs { ["w"] = TestTensors.Floats(2, 30, 40) }), Throws.TypeOf<InvalidInputException>().With.Message.Contains("'x' is missing"));
        Assert.That(() => session.Plan(new Dictionary<string, TensorType> { ["x"] = new(ElementType.Float32, new Shape(4, 30)), ["w"] = new(ElementType.Float32, new Shape(1, 1)) }), Throws.TypeOf<InvalidInputException>());

        void Fails(string name, TensorBuffer tensor, params string[] parts)
        {
            string message = Assert.Throws<InvalidInputException>(() => session.Run(new Inputs(inputs) { [name] = tensor }))!.Message;
            foreach (string part in parts)
            {
                Assert.That(message, Does.Contain(part));
            }
        }
    }

    [Test]
    public void ThousandsOfDefaultValuesAreNotListed()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2);
        for (int i = 0; i < 1000; i++)
        {
            builder.Input($"w{i}", ElementType.Float32, 2).Initializer($"w{i}", TestTensors.Floats(i, 2));
        }

        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.Node("Add", "x w7", "y").Output("y").ToBytes()));
        Assert.That(() => session.Run(new Inputs { ["x"] = TestTensors.Floats(1, 2), ["z"] = TestTensors.Floats(1, 2) }), Throws.TypeOf<InvalidInputException>().With.Message.EndsWith("w9: float[2] and 990 more."));
    }

    private static ModelBuilder Simple() => new ModelBuilder(17).Input("x", ElementType.Float32, 4, 30)
        .Input("w", ElementType.Float32, 30, -1).Initializer("w", TestTensors.Floats(2, 30, 40))
        .Input("shape", ElementType.Int64, 2).Initializer("shape", TensorBuffer.Create<long>([-1, 5], 2))
        .Node("MatMul", "x w", "p").Node("Reshape", "p shape", "y").Output("y");

    // Defaults that are a weight, a shape, a number in branches and bodies, a condition, a number of iterations, and an output.
    private static ModelBuilder Everything() => Simple()
        .Input("step", ElementType.Float32).Initializer("step", TensorBuffer.Create([3f]))
        .Input("c", ElementType.Bool).Initializer("c", TensorBuffer.Create([true]))
        .Input("n", ElementType.Int64).Initializer("n", TensorBuffer.Create([3L]))
        .Node("If", "c", "branch", ("then_branch", Body("then").Node("Mul", "p step", "t").Output("t").Graph), ("else_branch", Body("else").Node("MatMul", "x w", "e0").Node("Sub", "e0 step", "e").Output("e").Graph))
        .Node("Loop", "n - x", "last all", ("body", Loop().Graph))
        .Node("Identity", "step", "same")
        .Output("branch").Output("last").Output("all").Output("same").Output("w");

    // Each iteration adds the step, twice if the condition holds.
    private static ModelBuilder Loop() => Body("loop")
        .Input("i", ElementType.Int64).Input("go", ElementType.Bool).Input("s", ElementType.Float32, 4, 30)
        .Node("Identity", "go", "go2").Node("Add", "s step", "s1")
        .Node("If", "c", "s2", ("then_branch", Body("twice").Node("Add", "s1 step", "r").Output("r").Graph), ("else_branch", Body("once").Node("Identity", "s1", "q").Output("q").Graph))
        .Node("ReduceSum", "s2", "sum", ("keepdims", 0L))
        .Output("go2", ElementType.Bool).Output("s2").Output("sum");

    private static ModelBuilder Body(string name)
    {
        ModelBuilder builder = new(17);
        builder.Graph.Name = name;
        return builder;
    }
}
