using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Weights;
using Inputs = System.Collections.Generic.Dictionary<string, OnnxStream.Interop.TensorBuffer>;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>All of a model is planned before it runs: what is promised is kept, what does not fit is refused.</summary>
[NativeMemoryLeakCheck]
public class SessionPlanTests
{
    // Found by mutated files: the count that a file writes down need not be one that a run reaches.
    [TestCase(long.MaxValue)]
    [TestCase(1L << 40)]
    public void ALoopOfMoreIterationsThanATensorHasPlacesFor(long count)
    {
        GraphProto body = new ModelBuilder(17).Input("i", ElementType.Int64).Input("c", ElementType.Bool).Input("v", ElementType.Float32, 2, 3)
            .Initializer("last", TensorBuffer.Create<long>([4])).Node("Less", "i last", "d").Node("Add", "v v", "w").Output("d", ElementType.Bool).Output("w").Output("v").Graph;
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2, 3).Initializer("most", TensorBuffer.Create<long>([count])).Initializer("yes", TensorBuffer.Create<bool>([true]))
            .Node("Loop", "most yes x", "o all", ("body", body)).Node("Neg", "all", "y").Output("o").Output("y");
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("m.onnx", builder.ToBytes()));
        PlanSummary plan = session.Plan();
        Assert.That(plan.Parts.Select(part => part.Unknown ?? ""), Has.Some.Contains("larger than a tensor may be"));
        Assert.That(session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(1, 2, 3) })["y"].Shape.ToArray(), Is.EqualTo(new long[] { 5, 2, 3 }));
    }

    [Test]
    public void BothBranchesArePlanned()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("c", ElementType.Bool).Input("x", ElementType.Float32, 10, 10)
            .Node("If", "c", "y", ("then_branch", Branch().Node("Exp", "x", "t").Output("t").Graph), ("else_branch", Branch().Node("Sin", "x", "s").Node("Cos", "s", "e").Output("e").Graph)).Node("Neg", "y", "o").Output("o");
        PlanSummary plan = Plan(builder);
        Assert.That(plan.Parts.Select(part => part.Steps.Count), Is.EqualTo([0, 1, 2, 1]));
        Assert.That(plan.Parts.Select(part => part.Name), Has.Some.Contains("then_branch").And.Some.Contains("else_branch"));
        Assert.That(plan.Parts.Select(part => part.Unknown ?? part.Bound), Is.All.Null);
        Assert.That(plan.Steps, Has.Count.EqualTo(4));
    }

    [Test]
    public void ShapesThatDependOnDataAreBounded()
    {
        PlanSummary plan = Plan(new ModelBuilder(17).Input("x", ElementType.Float32, 10, 10).Node("NonZero", "x", "places").Node("Cast", "places", "numbers", ("to", 1)).Node("Exp", "numbers", "o").Output("o"));
        Assert.That(plan.Parts, Has.Count.EqualTo(2));
        Assert.That(plan.Parts[0].Bound, Is.Null);
        Assert.That(plan.Parts[1].Bound, Does.Contain("NonZero").And.Contain("[2,100]"));
        Assert.That(plan.Parts[1].ArenaBytes, Is.GreaterThanOrEqualTo(2 * 100 * sizeof(long)));
    }

    [Test]
    public void WhatDataDecidesOnIsListed()
    {
        PlanSummary plan = Plan(new ModelBuilder(17).Input("x", ElementType.Float32, 6, 4).Input("shape", ElementType.Int64, 2).Node("Exp", "x", "e").Node("Reshape", "e shape", "r").Node("Softmax", "r", "o").Output("o"));
        Assert.That(plan.Parts, Has.Count.EqualTo(2));
        Assert.That(plan.Parts[1].Unknown, Does.Contain("'shape'"));
        Assert.That(plan.Parts[1].Name, Does.Contain("Reshape"));
    }

    [Test]
    public void ALoopThatGrowsIsListed()
    {
        PlanSummary plan = Plan(new ModelBuilder(17).Input("x", ElementType.Float32, 1, 10).Initializer("n", TensorBuffer.Create<long>([4]))
            .Node("Loop", "n - x", "y", ("body", Body(10).Node("Identity", "c", "on").Node("Concat", "s s", "t", ("axis", 0)).Output("on", ElementType.Bool).Output("t").Graph)).Node("Neg", "y", "o").Output("o"));
        Assert.That(plan.Parts.Select(part => part.Unknown ?? ""), Has.Some.Contains("changes"));
    }

    [Test]
    public void ABranchThatCannotWorkIsNoErrorBeforeItRuns()
    {
        // The else branch would multiply what does not fit together.
        ModelBuilder builder = new ModelBuilder(17).Input("c", ElementType.Bool).Input("x", ElementType.Float32, 10, 5)
            .Node("If", "c", "o", ("then_branch", Branch().Node("Exp", "x", "t").Output("t").Graph), ("else_branch", Branch().Node("MatMul", "x x", "e").Output("e").Graph)).Output("o");
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { MemoryBudget = 1 << 20 });
        Assert.That(session.Plan().Parts.Select(part => part.Unknown ?? ""), Has.Some.Contains("MatMul"));
        Assert.That(session.Run(new Inputs { ["c"] = TensorBuffer.Create([true]), ["x"] = TestTensors.Floats(1, 10, 5) })["o"].Shape, Is.EqualTo(new Shape(10, 5)));
    }

    // The smallest budget that is promised works and is kept; one byte less is refused before anything is computed.
    [Test]
    public void TheSmallestBudgetOfGraphsWithControlFlowWorks([Range(0, 99)] int seed)
    {
        Random random = new(seed);
        (byte[] model, Inputs inputs) = RandomGraph(random);
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        string kind = (string[])["nocache", "prefetch", "ram"] is var kinds ? kinds[seed % 3] : "";
        SessionOptions options = new() { ThreadCount = 1 + seed / 3 % 2 };
        (RunResult expected, PlanSummary free) = Run(options);
        Assert.That(free.Parts.Select(part => part.Unknown), Is.All.Null);
        Assert.That(expected.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(free.PeakBytes), "without a budget");
        long smallest = free.SmallestBudgetBytes;
        Assert.That(() => Run(options with { MemoryBudget = smallest - 1 }), Throws.TypeOf<MemoryBudgetException>().With.Property("SmallestBudgetBytes").EqualTo(smallest));
        foreach (long budget in (long[])[smallest, smallest + random.Next(100_000), smallest * 2])
        {
            (RunResult result, PlanSummary plan) = Run(options with { MemoryBudget = budget });
            Assert.That(plan.SmallestBudgetBytes, Is.EqualTo(smallest));
            Assert.That(result.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(budget), $"budget {budget:N0}, smallest {smallest:N0}");
            foreach ((string name, TensorBuffer tensor) in expected.Outputs)
            {
                Assert.That(result[name].Bytes.SequenceEqual(tensor.Bytes), Is.True, name);
            }
        }

        (RunResult, PlanSummary) Run(SessionOptions options)
        {
            using WeightsProvider provider = kind switch
            {
                "nocache" => WeightsProvider.DiskNoCache(),
                "ram" => WeightsProvider.Ram(),
                _ => WeightsProvider.DiskPrefetch(),
            };
            using InferenceSession session = new(path, options with { WeightsProvider = provider });
            RunResult first = session.Run(inputs);
            RunResult second = session.Run(inputs);
            return (first.Statistics.PeakNativeBytes > second.Statistics.PeakNativeBytes ? first : second, session.Plan());
        }
    }

    private static PlanSummary Plan(ModelBuilder builder)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { PlanOnly = true });
        return session.Plan();
    }

    private static ModelBuilder Branch() => new(17);

    private static ModelBuilder Body(int columns) => Branch().Input("i", ElementType.Int64).Input("c", ElementType.Bool).Input("s", ElementType.Float32, -1, columns);

    // Nodes on matrices of 40 to 200 columns: products, sums, branches, loops, scans, rows that are left out.
    private static (byte[] Model, Inputs Inputs) RandomGraph(Random random)
    {
        int rows = random.Next(8, 60);
        int columns = random.Next(40, 200);
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, rows, columns).Initializer("zero", TensorBuffer.Create<float>([0f], [])).Initializer("axis", TensorBuffer.Create<long>([1], 1)).Initializer("first", TensorBuffer.Create<long>([0], 1))
            .Initializer("scale", TensorBuffer.Create<float>([0.1f], []));
        List<string> values = ["x"];
        int count = 0;
        for (int i = 0; i < random.Next(3, 9); i++)
        {
            string source = values[random.Next(values.Count)];
            string result = $"v{i}";
            switch (random.Next(7))
            {
                case 0:
                    builder.Node(Unary(random), source, result);
                    break;
                case 1:
                    builder.Node("Add", $"{source} {values[random.Next(values.Count)]}", result);
                    break;
                case 2:
                    Product(builder, source, result);
                    break;
                case 3:
                    builder.Node("ReduceMean", source, $"mean{i}", ("keepdims", 0)).Node("Less", $"mean{i} zero", $"is{i}")
                        .Node("If", $"is{i}", result, ("then_branch", Some(Branch(), values[random.Next(values.Count)], $"then{i}").Output($"then{i}").Graph), ("else_branch", Some(Branch(), source, $"else{i}").Output($"else{i}").Graph));
                    break;
                case 4:
                    builder.Initializer($"n{i}", TensorBuffer.Create<long>([random.Next(1, 5)]))
                        .Node("Loop", $"n{i} - {source}", $"{result} all{i}", ("body", Some(Body(columns).Node("Identity", "c", "on"), "s", "t").Node("Add", $"t {values[random.Next(values.Count)]}", "u").Node("ReduceMean", "u axis", "row", ("keepdims", 0))
                            .Output("on", ElementType.Bool).Output("u").Output("row").Graph)).Output($"all{i}");
                    FixAxes(builder);
                    break;
                case 5:
                    builder.Node("Gather", $"{source} zeroth", $"state{i}").Node("Scan", $"state{i} {source}", $"last{i} {result}", ("num_scan_inputs", 1),
                        ("body", Branch().Input("s", ElementType.Float32, columns).Input("r", ElementType.Float32, columns).Node("Add", "s r", "sum").Node("Tanh", "sum", "next").Node("Neg", "next", "out").Output("next").Output("out").Graph)).Output($"last{i}");
                    break;
                default:
                    builder.Node("ReduceSum", $"{source} axis", $"sum{i}", ("keepdims", 0)).Node("Greater", $"sum{i} zero", $"positive{i}").Node("Compress", $"{source} positive{i}", $"rows{i}", ("axis", 0))
                        .Node(Unary(random), $"rows{i}", $"some{i}").Node("ReduceSum", $"some{i} first", $"total{i}").Node("Add", $"{source} total{i}", result);
                    break;
            }

            values.Add(result);
        }

        builder.Initializer("zeroth", TensorBuffer.Create<long>([0], []));
        builder.Output(values[^1]);
        if (random.Next(2) == 0 && values.Count > 2)
        {
            builder.Output(values[1]);
        }

        return (builder.ToBytes(), new Inputs { ["x"] = TestTensors.Floats(random.Next(100), rows, columns) });

        ModelBuilder Some(ModelBuilder inner, string source, string result)
        {
            if (random.Next(2) == 0)
            {
                return inner.Node(Unary(random), source, result);
            }

            inner.Node(Unary(random), source, $"{result}i");
            Product(inner, $"{result}i", result);
            return inner;
        }

        void Product(ModelBuilder target, string source, string result)
        {
            string weight = $"w{count++}";
            builder.Initializer(weight, TestTensors.Floats(random.Next(100), columns, columns));
            target.Node("MatMul", $"{source} {weight}", $"{result}p").Node("Mul", $"{result}p scale", result);
        }
    }

    private static string Unary(Random random) => ((string[])["Sin", "Tanh", "Relu", "Sigmoid", "Neg"])[random.Next(5)];

    // ReduceMean takes its axes as an attribute up to operator set 17.
    private static void FixAxes(ModelBuilder builder)
    {
        foreach (NodeProto node in builder.Nodes.SelectMany(node => node.Attribute).Where(attribute => attribute.G is not null).SelectMany(attribute => attribute.G.Node).Where(node => node.OpType == "ReduceMean" && node.Input.Count == 2))
        {
            node.Input.RemoveAt(1);
            node.Attribute.Add(new AttributeProto { Name = "axes", Type = AttributeProto.Types.AttributeType.Ints, Ints = { 1 } });
        }
    }
}
