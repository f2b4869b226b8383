using OnnxStream.Interop.Tests.Weights;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>A memory budget is met, or refused with the smallest one that can be met.</summary>
[NativeMemoryLeakCheck]
public class BudgetTests
{
    private const long ToleranceBytes = 64 << 10;

    [Test]
    public void TheSmallestBudgetWorksAndLessIsRefused([Values] Kind kind, [Values("nocache", "prefetch", "ram", "buffered")] string provider, [Values(1, 2)] int threads)
    {
        using Case test = new(kind);
        SessionOptions options = new() { ThreadCount = threads };
        RunResult expected = test.Run(options, provider, out PlanSummary plan);
        Assert.That(plan.SmallestBudgetBytes, Is.GreaterThanOrEqualTo(plan.PeakNativeBytes).And.LessThanOrEqualTo(plan.PeakBytes));
        foreach (long budget in (long[])[plan.SmallestBudgetBytes - 1, plan.SmallestBudgetBytes / 2, 0, -1])
        {
            MemoryBudgetException refused = Assert.Throws<MemoryBudgetException>(() => test.Run(options with { MemoryBudget = budget }, provider, out _))!;
            Assert.That(refused.BudgetBytes, Is.EqualTo(budget));
            Assert.That(refused.SmallestBudgetBytes, Is.EqualTo(plan.SmallestBudgetBytes));
        }

        RunResult actual = test.Run(options with { MemoryBudget = plan.SmallestBudgetBytes }, provider, out PlanSummary smallest);
        Assert.That(smallest.PeakBytes, Is.LessThanOrEqualTo(plan.SmallestBudgetBytes));
        foreach ((string name, TensorBuffer tensor) in expected.Outputs)
        {
            Assert.That(actual[name].Bytes.SequenceEqual(tensor.Bytes), Is.True, name);
        }
    }

    [Test]
    public void ThePredictionIsMet([Values] Kind kind, [Values(1, 2)] int threads, [Values] bool limited)
    {
        using Case test = new(kind);
        SessionOptions options = new() { ThreadCount = threads };
        if (limited)
        {
            test.Run(options, "prefetch", out PlanSummary plan);
            options = options with { MemoryBudget = plan.SmallestBudgetBytes };
        }

        RunResult result = test.Run(options, "prefetch", out PlanSummary predicted);
        Assert.That(result.Statistics.PeakNativeBytes, Is.EqualTo(predicted.PeakBytes).Within(Math.Max(ToleranceBytes, predicted.PeakBytes / 20)));
    }

    [Test]
    public void WeightsThatAreKeptCount()
    {
        using Case test = new(Kind.Small);
        test.Run(new SessionOptions(), "ram", out PlanSummary kept);
        test.Run(new SessionOptions(), "nocache", out PlanSummary streamed);
        Assert.That(kept.SmallestBudgetBytes - kept.PeakNativeBytes, Is.GreaterThan(streamed.SmallestBudgetBytes - streamed.PeakNativeBytes));
        Assert.That(kept.PeakBytes - kept.KeptPanelBytes, Is.EqualTo(kept.SmallestBudgetBytes));
    }

    [Test]
    public void RunsDoNotGrow([Values] Kind kind, [Values(1, 2)] int threads)
    {
        // XNNPACK allocates a little while an operator is set up: how much of that falls together depends on the threads.
        long tolerance = threads == 1 ? 0 : 16 << 10;
        using Case test = new(kind);
        using InferenceSession session = new(test.Path, new SessionOptions { ThreadCount = threads });
        long first = session.Run(test.Inputs).Statistics.PeakNativeBytes;
        long live = MemoryDiagnostics.LiveBytes;
        for (int i = 0; i < 100; i++)
        {
            Assert.That(session.Run(test.Inputs).Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(first + tolerance), $"run {i}");
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live), $"run {i}");
        }
    }

    [Test]
    public void ABudgetIsKeptFromShapeToShape()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("open.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, -1, 30).Initializer("w", TestTensors.Floats(1, 30, 300)).Node("MatMul", "x w", "m").Node("Relu", "m", "y").Output("y").ToBytes());
        Dictionary<string, TensorBuffer> few = Rows(2);
        Dictionary<string, TensorBuffer> many = Rows(200);
        using InferenceSession free = new(path);
        long budget = free.Plan(Types(many)).SmallestBudgetBytes;
        TensorBuffer expected = free.Run(many)["y"];
        using InferenceSession session = new(path, new SessionOptions { MemoryBudget = budget });
        for (int i = 0; i < 3; i++)
        {
            session.Run(few);
            Assert.That(session.Run(many)["y"].Bytes.SequenceEqual(expected.Bytes), Is.True);
            Assert.That(() => session.Run(Rows(2000)), Throws.TypeOf<MemoryBudgetException>());
        }

        static Dictionary<string, TensorBuffer> Rows(int rows) => new() { ["x"] = TestTensors.Floats(2, rows, 30) };

        static Dictionary<string, TensorType> Types(Dictionary<string, TensorBuffer> inputs) => inputs.ToDictionary(input => input.Key, input => input.Value.Type);
    }

    // Planning takes memory of .NET: a process that has a limit would pay for it twice.
    [Test]
    public void ARunDoesNotPlanWhatWasPlannedForItsBudget()
    {
        ModelBuilder model = new ModelBuilder(17).Input("x0", ElementType.Float32, 1, 8);
        for (int i = 0; i < 60; i++)
        {
            model.Node("Sin", $"x{i}", $"s{i}").Node("Softmax", $"s{i}", $"x{i + 1}");
        }

        using TemporaryFolder folder = new();
        string path = folder.Write("chain.onnx", model.Output("x60").ToBytes());
        Dictionary<string, TensorBuffer> inputs = new() { ["x0"] = TestTensors.Floats(1, 1, 8) };
        SessionOptions options = new() { ThreadCount = 1, MemoryBudget = 1 << 20 };
        using (InferenceSession compiled = new(path, options))
        {
            // What is compiled on first use is allocated now.
            compiled.Plan();
            compiled.Run(inputs);
        }

        using InferenceSession session = new(path, options);
        long first = Allocated(() => session.Run(inputs));
        long planned = Allocated(() => session.Plan());
        Assert.That(first, Is.LessThan(planned / 4));

        static long Allocated(Action action)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Test]
    public void ASessionThatIsOnlyPlannedSaysTheSame([Values] Kind kind, [Values] bool store)
    {
        using Case test = new(kind);
        using TemporaryFolder folder = new();
        string path = folder["model.panels"];
        SessionOptions options = new() { ThreadCount = 2, PanelStore = store ? PanelStoreOptions.File(path) : PanelStoreOptions.Off };
        long live = MemoryDiagnostics.LiveBytes;
        using InferenceSession planned = new(test.Path, options with { PlanOnly = true });
        PlanSummary plan = planned.Plan();
        Assert.That(MemoryDiagnostics.LiveBytes - live, Is.LessThan(plan.PeakNativeBytes), "no arena");
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
        Assert.That(() => planned.Run(test.Inputs), Throws.InvalidOperationException);
        using InferenceSession session = new(test.Path, options);
        PlanSummary actual = session.Plan();
        Assert.That(actual.Steps, Is.EqualTo(plan.Steps));
        Assert.That(actual with { Steps = [], Parts = [] }, Is.EqualTo(plan with { Steps = [], Parts = [] }));
        Assert.That(plan.PanelStorePath, Is.EqualTo(store ? path : null));
    }

    // Packing is inside of the budget, too, and nothing is written for a budget that is refused.
    [Test]
    public void AStoreIsMadeInsideOfTheBudget([Values] Kind kind, [Values(1, 2)] int threads)
    {
        using Case test = new(kind);
        using TemporaryFolder folder = new();
        SessionOptions options = new() { ThreadCount = threads, PanelStore = PanelStoreOptions.File(folder["model.panels"]) };
        PlanSummary plan;
        using (InferenceSession planned = new(test.Path, options with { PlanOnly = true }))
        {
            plan = planned.Plan();
        }

        Assert.That(() => new InferenceSession(test.Path, options with { MemoryBudget = plan.SmallestBudgetBytes - 1 }), Throws.TypeOf<MemoryBudgetException>());
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
        long before = MemoryDiagnostics.LiveBytes;
        MemoryDiagnostics.ResetPeak();
        using InferenceSession session = new(test.Path, options with { MemoryBudget = plan.SmallestBudgetBytes });
        Assert.That(MemoryDiagnostics.PeakBytes - before, Is.LessThanOrEqualTo(plan.SmallestBudgetBytes + ToleranceBytes));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
        session.Run(test.Inputs);
        Assert.That(session.Plan().SmallestBudgetBytes, Is.LessThanOrEqualTo(plan.SmallestBudgetBytes));
    }

    /// <summary>The models: several kinds of weights, Winograd's convolution, attention.</summary>
    public enum Kind
    {
        Small,
        Convolution,
        Attention,
    }

    private sealed class Case : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Case(Kind kind)
        {
            (byte[] model, Inputs) = kind switch
            {
                Kind.Small => (SmallModel.Onnx, SmallModel.Inputs),
                Kind.Convolution => (new ModelBuilder(17).Input("x", ElementType.Float32, 1, 24, 33, 31)
                    .Initializer("w", TestTensors.Floats(6, 96, 24, 3, 3)).Initializer("b", TestTensors.Floats(7, 96)).Node("Conv", "x w b", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Sigmoid", "c", "s").Node("Mul", "c s", "y").Output("y").ToBytes(),
                    new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(5, 1, 24, 33, 31) }),
                _ => (new ModelBuilder(17).Input("x", ElementType.Float32, 2, 70, 64)
                    .Initializer("q", TestTensors.Floats(1, 64, 64)).Initializer("k", TestTensors.Floats(2, 64, 64)).Initializer("v", TestTensors.Floats(3, 64, 64)).Initializer("scale", TensorBuffer.Create<float>([0.125f]))
                    .Node("MatMul", "x q", "qs").Node("MatMul", "x k", "ks").Node("MatMul", "x v", "vs").Node("Transpose", "ks", "kt", ("perm", new[] { 0, 2, 1 }))
                    .Node("MatMul", "qs kt", "scores").Node("Mul", "scores scale", "scaled").Node("Softmax", "scaled", "p", ("axis", -1)).Node("MatMul", "p vs", "y").Output("y").ToBytes(),
                    new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(4, 2, 70, 64) }),
            };
            Path = _folder.Write("model.onnx", model);
        }

        public string Path { get; }

        public Dictionary<string, TensorBuffer> Inputs { get; }

        public RunResult Run(SessionOptions options, string provider, out PlanSummary plan)
        {
            using WeightsProvider weights = provider switch
            {
                "nocache" => WeightsProvider.DiskNoCache(),
                "ram" => WeightsProvider.Ram(),
                "buffered" => new FileProvider(1 << 20),
                _ => WeightsProvider.DiskPrefetch(),
            };
            using InferenceSession session = new(Path, options with { WeightsProvider = weights });
            plan = session.Plan();
            return session.Run(Inputs);
        }

        public void Dispose() => _folder.Dispose();
    }
}
