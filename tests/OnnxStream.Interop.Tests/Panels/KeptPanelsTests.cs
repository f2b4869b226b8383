namespace OnnxStream.Interop.Tests.Panels;

/// <summary>Packed weights of small models stay in memory, as far as the budget allows.</summary>
[NativeMemoryLeakCheck]
public class KeptPanelsTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void PanelsArePackedOnce([Values(1, 2)] int threads)
    {
        string model = Write("model.onnx", 900);
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = threads });
        RunResult first = session.Run(Inputs(3));
        RunResult second = session.Run(Inputs(3));
        Assert.That(first.Statistics.WeightsBytesStreamed, Is.GreaterThan(3_000_000));
        Assert.That(second.Statistics.WeightsBytesStreamed, Is.Zero, "nothing is read any more");
        Assert.That(second["y"].Bytes.SequenceEqual(first["y"].Bytes), Is.True);

        // The plan for another number of rows finds them.
        Assert.That(session.Run(Inputs(70)).Statistics.WeightsBytesStreamed, Is.Zero);
    }

    [Test]
    public void PlanSaysWhatIsKept()
    {
        string model = Write("model.onnx", 900);
        long live = MemoryDiagnostics.LiveBytes;
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = 1 });
        session.Run(Inputs(3));
        PlanSummary plan = session.Plan(new Dictionary<string, TensorType> { ["x"] = Inputs(3)["x"].Type });
        Assert.That(plan.KeptPanelBytes, Is.GreaterThan(3_000_000));
        Assert.That(MemoryDiagnostics.LiveBytes - live, Is.EqualTo(plan.PeakBytes).Within(300_000));
    }

    [Test]
    public void LargeModelsArePackedInEveryRun()
    {
        // 36 MB of weights.
        string model = Write("model.onnx", 9000);
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2 });
        session.Run(Inputs(1));
        Assert.That(session.Run(Inputs(1)).Statistics.WeightsBytesStreamed, Is.GreaterThan(32 << 20));
        Assert.That(session.Plan(new Dictionary<string, TensorType> { ["x"] = Inputs(1)["x"].Type }).KeptPanelBytes, Is.Zero);
    }

    // Each fits the budget with its panels; both together only without.
    [Test]
    public void PanelsMakeRoomForPlans()
    {
        string model = Write("model.onnx", 900);
        SessionOptions options = new() { ThreadCount = 1 };
        long smallest;
        using (InferenceSession asking = new(model, options))
        {
            smallest = asking.Plan(new Dictionary<string, TensorType> { ["x"] = Inputs(400)["x"].Type }).SmallestBudgetBytes;
        }

        using InferenceSession tight = new(model, options with { MemoryBudget = smallest });
        RunResult large = tight.Run(Inputs(400));
        Assert.That(tight.Run(Inputs(400)).Statistics.WeightsBytesStreamed, Is.GreaterThan(3_000_000), "there is no room to keep anything");
        Assert.That(large.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(smallest + 100_000));

        using InferenceSession roomy = new(model, options with { MemoryBudget = smallest + (5 << 20) });
        roomy.Run(Inputs(400));
        Assert.That(roomy.Run(Inputs(400)).Statistics.WeightsBytesStreamed, Is.Zero);
    }

    private string Write(string name, int outputs) => _folder.Write(name, new ModelBuilder(17).Input("x", ElementType.Float32, -1, 1000)
        .Initializer("w", TestTensors.Floats(1, 1000, outputs)).Initializer("v", TestTensors.Floats(2, outputs, 10)).Node("MatMul", "x w", "h").Node("MatMul", "h v", "y").Output("y").ToBytes());

    private static Dictionary<string, TensorBuffer> Inputs(long rows) => new() { ["x"] = TestTensors.Floats(3, rows, 1000) };
}
