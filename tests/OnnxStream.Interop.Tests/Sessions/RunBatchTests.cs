using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tests.Weights;
using OnnxStream.Interop.Weights;
using Inputs = System.Collections.Generic.Dictionary<string, OnnxStream.Interop.TensorBuffer>;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Several sets of inputs in one pass over the weights: the same results as one by one, to the bit.</summary>
[NativeMemoryLeakCheck]
public class RunBatchTests
{
    [TearDown]
    public void AllowAllocations() => CountedMemory.FailureCountdown = -1;

    [Test]
    public void ResultsAreThoseOfSingleRuns([Values] Kind kind, [Values(1, 2)] int threads, [Values] bool store)
    {
        using TemporaryFolder folder = new();
        Check(kind, folder, new SessionOptions { ThreadCount = threads, KeptPanelBytes = 0, PanelStore = store ? PanelStoreOptions.File(folder["panels"]) : PanelStoreOptions.Off }, kind is Kind.Tiles or Kind.Strips ? new[] { 3 } : new[] { 1, 2, 3, 8 });
    }

    [Test]
    public void InEveryFormat([Values(Kind.Small, Kind.Winograd, Kind.Tiles, Kind.Strips)] Kind kind, [Values(ElementType.Float16, ElementType.Int8, ElementType.Int4)] ElementType panels, [Values(ElementType.Float32, ElementType.Float16, ElementType.Int8)] ElementType activations)
    {
        using TemporaryFolder folder = new();
        Check(kind, folder, new SessionOptions { ThreadCount = 2, ActivationElementType = activations, PanelStore = PanelStoreOptions.File(folder["panels"]) with { ElementType = panels } }, 2);
    }

    [Test]
    public void WithEveryProvider([Values("nocache", "prefetch", "mapped", "ram", "buffered", "ahead", "kept")] string kind, [Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        using WeightsProvider provider = kind switch
        {
            "nocache" => WeightsProvider.DiskNoCache(),
            "mapped" => WeightsProvider.DiskMapped(),
            "ram" => WeightsProvider.Ram(),
            "buffered" => new FileProvider(0),
            "ahead" => new FileProvider(1 << 20),
            _ => WeightsProvider.DiskPrefetch(),
        };
        Check(Kind.Small, folder, new SessionOptions { ThreadCount = threads, WeightsProvider = provider, KeptPanelBytes = kind == "kept" ? 1 << 25 : 0 }, 3);
    }

    // A weight of which rows are looked up is read for each set.
    [Test]
    public void WeightsAreStreamedOnce([Values(Kind.Winograd, Kind.StreamedWinograd, Kind.Tiles, Kind.Strips, Kind.FewRows, Kind.ComputedBias)] Kind kind, [Values] bool store, [Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(Write(kind, folder), new SessionOptions { ThreadCount = threads, KeptPanelBytes = 0, PanelStore = store ? PanelStoreOptions.File(folder["panels"]) : PanelStoreOptions.Off });
        long single = session.Run(Given(kind, 0)).Statistics.WeightsBytesStreamed;
        RunTrace trace = new();
        IReadOnlyList<RunResult> results = session.RunBatch([.. Enumerable.Range(0, 4).Select(set => Given(kind, set))], new RunOptions { Trace = trace });
        Assert.That(single, Is.Positive);
        Assert.That(results.Select(result => result.Statistics.WeightsBytesStreamed), Is.All.EqualTo(single));
        Assert.That(trace.Steps.Sum(step => step.WeightsBytes), Is.EqualTo(single));
        Assert.That(trace.Steps.Sum(step => step.Flops), Is.EqualTo(4 * session.Plan().Flops));
    }

    // Sets part where their shapes do, or where the content does that decides on shapes.
    [Test]
    public void SetsThatBecomeDifferent([Values(1, 2)] int threads)
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 4, 6).Initializer("w", TestTensors.Floats(1, 6, 60)).Node("Relu", "x", "r").Node("NonZero", "r", "places").Node("Transpose", "places", "rows", ("perm", new[] { 1, 0 }))
            .Node("GatherND", "x rows", "found").Node("MatMul", "x w", "m").Node("ReduceSum", "found", "total").Node("Mul", "m total", "y").Output("y").Output("found");
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = threads });
        Inputs[] sets = [Numbers(1, -1, 1), Numbers(2, -1, 1), Numbers(1, -1, 1), Numbers(3, 1, 2), Numbers(4, 1, 2)];
        Compare(session, sets);

        static Inputs Numbers(int seed, double low, double high) => new() { ["x"] = TestTensors.Random(ElementType.Float32, seed, low, high, 4, 6) };
    }

    [Test]
    public void ABudgetDividesThem([Values(Kind.Small, Kind.Winograd)] Kind kind, [Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        string path = Write(kind, folder);
        Inputs[] sets = [.. Enumerable.Range(0, 7).Select(set => Given(kind, set))];
        SessionOptions options = new() { ThreadCount = threads, KeptPanelBytes = 0 };
        using InferenceSession free = new(path, options);
        long one = free.Plan().SmallestBudgetBytes;
        long three = free.PlanBatch(3).SmallestBudgetBytes;
        Assert.That(free.PlanBatch(3).ArenaBytes, Is.EqualTo(3 * free.Plan().ArenaBytes));
        Assert.That(free.PlanBatch(3).Sets, Is.EqualTo(3));
        Assert.That(three, Is.GreaterThan(one));
        Assert.That(free.SetsTogether(7), Is.EqualTo(7));
        long single = free.Run(sets[0]).Statistics.WeightsBytesStreamed;
        IReadOnlyList<RunResult> expected = free.RunBatch(sets);
        foreach ((long budget, int together) in new[] { (one, 1), (three - 1, 2), (three, 3), (free.PlanBatch(7).SmallestBudgetBytes, 7) })
        {
            using InferenceSession session = new(path, options with { MemoryBudget = budget });
            Assert.That(session.SetsTogether(7), Is.EqualTo(together), $"{budget}");
            Assert.That(session.PlanBatch(together).SmallestBudgetBytes, Is.LessThanOrEqualTo(budget));
            IReadOnlyList<RunResult> results = session.RunBatch(sets);
            Compare(results, expected);
            Assert.That(results[0].Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(budget + (64 << 10)));
            if (kind == Kind.Winograd)
            {
                Assert.That(results[0].Statistics.WeightsBytesStreamed, Is.EqualTo((sets.Length + together - 1) / together * single));
            }
        }

        using InferenceSession tight = new(path, options with { MemoryBudget = three - 1 });
        Assert.That(() => tight.PlanBatch(3), Throws.TypeOf<MemoryBudgetException>().With.Property(nameof(MemoryBudgetException.SmallestBudgetBytes)).EqualTo(three));
    }

    [Test]
    public void MemoryIsThatOfTheSets([Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(Write(Kind.Winograd, folder), new SessionOptions { ThreadCount = threads });
        Inputs[] sets = [.. Enumerable.Range(0, 3).Select(set => Given(Kind.Winograd, set))];
        session.Run(sets[0]);
        long live = MemoryDiagnostics.LiveBytes;
        for (int i = 0; i < 20; i++)
        {
            Assert.That(session.RunBatch(sets)[0].Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(session.PlanBatch(3).PeakBytes + (64 << 10)));
            session.Run(sets[0]);
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live), $"run {i}");
        }
    }

    [Test]
    public void WhatIsRefused()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("open.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, -1, 30).Initializer("w", TestTensors.Floats(1, 30, 300)).Node("MatMul", "x w", "y").Output("y").ToBytes());
        using InferenceSession session = new(path);
        Assert.That(() => session.RunBatch([]), Throws.ArgumentException);
        Assert.That(() => session.RunBatch([Rows(2), new Inputs { ["z"] = TestTensors.Floats(1, 2, 30) }]), Throws.TypeOf<InvalidInputException>().With.Message.StartsWith("Set 1 of the batch (of 0 to 1): "));
        Assert.That(
            () => session.RunBatch([Rows(2), Rows(2), Rows(3)]),
            Throws.TypeOf<InvalidInputException>().With.Message.StartsWith("Set 2 of the batch (of 0 to 2) has other inputs than set 0: 'x' is float[3,30], expected float[2,30]."));
        Assert.That(() => session.PlanBatch(0), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(session.RunBatch([Rows(2), Rows(2)]), Has.Count.EqualTo(2));
        using InferenceSession planned = new(path, new SessionOptions { PlanOnly = true });
        Assert.That(() => planned.RunBatch([Rows(2)]), Throws.InvalidOperationException);

        static Inputs Rows(int count) => new() { ["x"] = TestTensors.Floats(2, count, 30) };
    }

    // What one set is given cannot be computed: nothing comes back, and the session goes on.
    [Test]
    public void AnErrorInOneSet([Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { ThreadCount = threads });
        Inputs wrong = new(SmallModel.Inputs) { ["ids"] = TestTensors.Integers(3, 100, 99) };
        Assert.That(() => session.RunBatch([SmallModel.Inputs, wrong, SmallModel.Inputs]), Throws.InstanceOf<OnnxStreamException>());
        SmallModel.Check(session.RunBatch([SmallModel.Inputs, SmallModel.Inputs])[1], "afterwards");
    }

    [Test]
    public void CancellingAtAnyStepLeavesTheSessionUsable([Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { ThreadCount = threads });
        int steps = session.Plan().Steps.Count;
        session.Run(SmallModel.Inputs);
        long live = MemoryDiagnostics.LiveBytes;
        for (int step = 0; step < steps; step++)
        {
            using CancellationTokenSource source = new();
            Canceller canceller = new(source, step);
            Assert.That(() => session.RunBatch([SmallModel.Inputs, SmallModel.Inputs], new RunOptions { Progress = canceller }, source.Token), Throws.InstanceOf<OperationCanceledException>(), $"step {step}");
            SmallModel.Check(session.Run(SmallModel.Inputs), $"after cancelling at step {step}");
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live));
        }
    }

    [Test]
    public void EveryAllocationFailsOnce([Values("mapped", "buffered", "ahead", "ram")] string kind, [Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        string path = SmallModel.Write(folder);
        int failures = 0;
        for (int n = 0; ; n++)
        {
            // Ram keeps what it has: a fresh one for each attempt.
            using WeightsProvider provider = kind switch
            {
                "mapped" => WeightsProvider.DiskPrefetch(),
                "buffered" => new FileProvider(0),
                "ahead" => new FileProvider(1 << 20),
                _ => WeightsProvider.Ram(),
            };
            using InferenceSession session = new(path, new SessionOptions { WeightsProvider = provider, ThreadCount = threads });
            CountedMemory.FailureCountdown = n;
            try
            {
                SmallModel.Check(session.RunBatch([SmallModel.Inputs, SmallModel.Inputs, SmallModel.Inputs])[2], $"allocation {n}");
                if (CountedMemory.FailureCountdown >= 0)
                {
                    break;
                }
            }
            catch (NativeMemoryException)
            {
                failures++;
                SmallModel.Check(session.RunBatch([SmallModel.Inputs, SmallModel.Inputs])[1], $"after allocation {n} failed");
            }

            CountedMemory.FailureCountdown = -1;
        }

        Assert.That(failures, Is.GreaterThan(5));
    }

    private static void Check(Kind kind, TemporaryFolder folder, SessionOptions options, params int[] counts)
    {
        using InferenceSession session = new(Write(kind, folder), options);
        if (KernelOf(kind) is { } kernel && options.PanelStore is { IsEnabled: true, ElementType: ElementType.Float32 })
        {
            Assert.That(session.Plan().Steps.Select(step => step.KernelName), Has.Some.Contains(kernel));
        }

        RunResult[] expected = [.. Enumerable.Range(0, counts.Max()).Select(set => session.Run(Given(kind, set)))];
        foreach (int count in counts)
        {
            Compare(session.RunBatch([.. Enumerable.Range(0, count).Select(set => Given(kind, set))]), expected[..count]);
        }
    }

    private static void Compare(InferenceSession session, Inputs[] sets)
    {
        RunResult[] expected = [.. sets.Select(set => session.Run(set))];
        Compare(session.RunBatch(sets), expected);
    }

    private static void Compare(IReadOnlyList<RunResult> actual, IReadOnlyList<RunResult> expected)
    {
        Assert.That(actual, Has.Count.EqualTo(expected.Count));
        for (int set = 0; set < expected.Count; set++)
        {
            Assert.That(actual[set].Outputs.Keys, Is.EqualTo(expected[set].Outputs.Keys));
            foreach ((string name, TensorBuffer tensor) in expected[set].Outputs)
            {
                Assert.That(actual[set][name].Type, Is.EqualTo(tensor.Type));
                Assert.That(actual[set][name].Bytes.SequenceEqual(tensor.Bytes), Is.True, $"set {set} of {expected.Count}: {name}");
            }
        }
    }

    private static string Write(Kind kind, TemporaryFolder folder) => folder.Write("model.onnx", kind == Kind.Small ? SmallModel.Onnx : Build(kind).ToBytes());

    private static string? KernelOf(Kind kind) => kind switch
    {
        Kind.Winograd or Kind.ComputedWeight => "winograd convolution",
        Kind.Tiles => "tiles of",
        Kind.FewRows => "few rows",
        _ => null,
    };

    private static ModelBuilder Build(Kind kind)
    {
        ModelBuilder builder = new(17);
        (string, object) padded = ("pads", new[] { 1, 1, 1, 1 });
        switch (kind)
        {
            case Kind.Winograd:
                return builder.Input("x", ElementType.Float32, 1, 64, 33, 31).Initializer("w", TestTensors.Floats(6, 96, 64, 3, 3)).Initializer("b", TestTensors.Floats(7, 96)).Node("Conv", "x w b", "c", padded).Node("Sigmoid", "c", "s").Node("Mul", "c s", "y").Output("y");
            case Kind.StreamedWinograd:
                return builder.Input("x", ElementType.Float32, 1, 256, 14, 13).Initializer("w", TestTensors.Random(ElementType.Float32, 6, -0.1, 0.1, 240, 256, 3, 3)).Initializer("b", TestTensors.Floats(7, 240)).Node("Conv", "x w b", "y", padded).Output("y");
            case Kind.Strips:
                return builder.Input("x", ElementType.Float32, 1, 3, 200, 160).Initializer("u", TestTensors.Floats(5, 160, 3, 1, 1)).Initializer("w", TestTensors.Floats(6, 40, 160, 3, 3)).Initializer("v", TestTensors.Floats(8, 4, 40, 3, 3))
                    .Node("Conv", "x u", "a").Node("Conv", "a w", "c", padded, ("strides", new[] { 2, 2 })).Node("Relu", "c", "r").Node("Conv", "r v", "y", padded).Output("y");
            case Kind.Tiles:
                return builder.Input("x", ElementType.Float32, 1, 2800, 64).Initializer("w", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 64, 800)).Initializer("v", TestTensors.Random(ElementType.Float32, 6, -0.1, 0.1, 800, 64))
                    .Node("MatMul", "x w", "p").Node("Sigmoid", "p", "e").Node("Mul", "p e", "h").Node("MatMul", "h v", "y").Output("y");
            case Kind.FewRows:
                return builder.Input("x", ElementType.Float32, 3, 256).Initializer("q", TestTensors.Bytes(ElementType.Int8, 4, 320, 256)).Initializer("s", TestTensors.Random(ElementType.Float32, 5, 0.01, 0.02, 320)).Initializer("b", TestTensors.Floats(7, 320))
                    .Node("DequantizeLinear", "q s", "w", ("axis", 0)).Node("Gemm", "x w b", "g", ("transB", 1)).Node("Sigmoid", "g", "y").Output("y");
            case Kind.ComputedBias:
                return builder.Input("x", ElementType.Float32, 1, 8, 12, 12).Initializer("w", TestTensors.Floats(6, 300, 8, 1, 1)).Initializer("t", TestTensors.Floats(7, 8, 300)).Node("GlobalAveragePool", "x", "m").Node("Flatten", "m", "f")
                    .Node("MatMul", "f t", "rows").Initializer("flat", TestTensors.Integers(300)).Node("Reshape", "rows flat", "b").Node("Conv", "x w b", "y").Output("y");
            case Kind.ComputedWeight:
                return builder.Input("x", ElementType.Float32, 1, 64, 33, 31).Input("w", ElementType.Float32, 96, 64, 3, 3).Input("u", ElementType.Float32, 24, 50).Node("Conv", "x w", "y", padded).Initializer("v", TestTensors.Floats(3, 1, 24))
                    .Node("MatMul", "v u", "z").Output("y").Output("z");
            case Kind.Branches:
                return builder.Input("c", ElementType.Bool).Input("x", ElementType.Float32, 10, 10).Initializer("w", TestTensors.Floats(2, 10, 10))
                    .Node("If", "c", "y", ("then_branch", Branch().Node("MatMul", "x w", "t").Output("t").Graph), ("else_branch", Branch().Node("Sin", "x", "s").Output("s").Graph)).Node("MatMul", "y w", "o").Output("o");
            default:
                return builder.Input("x", ElementType.Float32, 10, 10).Initializer("w", TestTensors.Floats(2, 10, 10)).Initializer("n", TensorBuffer.Create<long>([3])).Node("MatMul", "x w", "a")
                    .Node("Loop", "n - a", "y all", ("body", Body().Node("Identity", "c", "on").Node("MatMul", "t w", "u").Node("Tanh", "u", "v").Node("ReduceSum", "v", "sum", ("keepdims", 0)).Output("on", ElementType.Bool).Output("v").Output("sum").Graph)).Output("y").Output("all");
        }

        static ModelBuilder Branch() => new(17);

        static ModelBuilder Body() => new ModelBuilder(17).Input("i", ElementType.Int64).Input("c", ElementType.Bool).Input("t", ElementType.Float32, 10, 10);
    }

    private static Inputs Given(Kind kind, int set) => kind switch
    {
        Kind.Small => new() { ["image"] = TestTensors.Floats(100 + set, 1, 4, 6, 5), ["ids"] = TestTensors.Integers(3, set, 99 - set) },
        Kind.Winograd => new() { ["x"] = TestTensors.Floats(100 + set, 1, 64, 33, 31) },
        Kind.StreamedWinograd => new() { ["x"] = TestTensors.Floats(100 + set, 1, 256, 14, 13) },
        Kind.Strips => new() { ["x"] = TestTensors.Floats(100 + set, 1, 3, 200, 160) },
        Kind.Tiles => new() { ["x"] = TestTensors.Floats(100 + set, 1, 2800, 64) },
        Kind.FewRows => new() { ["x"] = TestTensors.Floats(100 + set, 3, 256) },
        Kind.ComputedBias => new() { ["x"] = TestTensors.Floats(100 + set, 1, 8, 12, 12) },
        Kind.ComputedWeight => new() { ["x"] = TestTensors.Floats(100 + set, 1, 64, 33, 31), ["w"] = TestTensors.Floats(200 + set, 96, 64, 3, 3), ["u"] = TestTensors.Floats(300 + set, 24, 50) },
        Kind.Branches => new() { ["c"] = TensorBuffer.Create([set % 2 == 0]), ["x"] = TestTensors.Floats(100 + set, 10, 10) },
        _ => new() { ["x"] = TestTensors.Random(ElementType.Float32, 100 + set, -0.2, 0.2, 10, 10) },
    };

    /// <summary>The models: one for each way in which a kernel holds weights, and for control flow.</summary>
    public enum Kind
    {
        Small,
        Winograd,
        StreamedWinograd,
        Strips,
        Tiles,
        FewRows,
        ComputedBias,
        ComputedWeight,
        Branches,
        Loops,
    }

    private sealed class Canceller(CancellationTokenSource source, int step) : IProgress<RunProgress>
    {
        public void Report(RunProgress value)
        {
            if (value.Step == step)
            {
                source.Cancel();
            }
        }
    }
}
