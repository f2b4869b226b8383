using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Tests.Quantization;

[NativeMemoryLeakCheck]
public class CalibrationTests
{
    private TemporaryFolder _folder = null!;
    private Model _model = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _model = Model.Load(_folder.Write("model.onnx", QuantizationModels.Image().ToBytes()));
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    // ONNX Runtime tells all values as outputs.
    [Test]
    public void RangesAreThoseOfTheValues()
    {
        string[] names = ["x", "c", "r", "d", "m", "e", "k", "v", "y"];
        RangeTable table = new Calibration(_model, new SessionOptions()) { Method = CalibrationMethod.MinMax }.Run([QuantizationModels.ImageInputs(1), QuantizationModels.ImageInputs(2)]);
        Assert.That(table.Ranges.Select(range => range.Name), Is.EquivalentTo(names));
        Assert.That((table.Method, table.SampleCount), Is.EqualTo((CalibrationMethod.MinMax, 2)));
        ModelBuilder all = QuantizationModels.Image();
        foreach (string name in names.Except(["x", "y"]))
        {
            all.Output(name);
        }

        Dictionary<string, TensorBuffer>[] results = [.. new[] { 1, 2 }.Select(seed => Oracle.Run(all.ToBytes(), QuantizationModels.Tensors(QuantizationModels.ImageInputs(seed)), asWritten: true))];
        foreach (string name in names.Except(["x"]))
        {
            double[] numbers = [.. results.SelectMany(result => TestTensors.ToDoubles(result[name]))];
            ValueRange range = table.Find(name)!;
            Assert.That(range.Minimum, Is.EqualTo(numbers.Min()).Within(1e-4), name);
            Assert.That(range.Maximum, Is.EqualTo(numbers.Max()).Within(1e-4), name);
            Assert.That((range.ObservedMinimum, range.ObservedMaximum), Is.EqualTo((range.Minimum, range.Maximum)), name);
        }

        Assert.That(table.Find("x")!.Maximum, Is.EqualTo(QuantizationModels.Tensors(QuantizationModels.ImageInputs(1))["x"].Span<float>().ToArray().Concat(QuantizationModels.Tensors(QuantizationModels.ImageInputs(2))["x"].Span<float>().ToArray()).Max()));
    }

    [Test]
    public void RangesAreTheSameForAnyNumberOfThreads([Values] CalibrationMethod method)
    {
        Model wide = Model.Load(_folder.Write("wide.onnx", Wide().ToBytes()));
        Dictionary<string, OnnxValue> inputs = new() { ["x"] = TestTensors.Floats(3, 6000, 64) };
        RangeTable[] tables = [.. new[] { 1, 2, 2, 3 }.Select(threads => new Calibration(wide, new SessionOptions { ThreadCount = threads }) { Method = method }.Run([inputs]))];
        Assert.That(tables[0].Ranges, Has.Count.EqualTo(4));
        foreach (RangeTable table in tables)
        {
            Assert.That(table.Ranges, Is.EqualTo(tables[0].Ranges));
        }
    }

    [Test]
    public void OutputsOfTheModelAreWhatTheyWere()
    {
        // The observed model is what runs; whoever reads an output that is observed gets it.
        RangeTable table = new Calibration(_model, new SessionOptions()) { Method = CalibrationMethod.MinMax, HasOperatorResults = true }.Run([QuantizationModels.ImageInputs()]);
        TensorBuffer expected = Oracle.Run(QuantizationModels.Image().ToBytes(), QuantizationModels.Tensors(QuantizationModels.ImageInputs()))["y"];
        Assert.That(table.Find("y")!.Maximum, Is.EqualTo(TestTensors.ToDoubles(expected).Max()).Within(1e-4));
        Assert.That(new[] { "s", "u", "m" }.All(name => table.Find(name) is not null), Is.True, "sums, sigmoids and products");
    }

    // Values inside of branches, and those that branches read from around them.
    [Test]
    public void BranchesAreLookedInto([Values] bool taken)
    {
        Model model = Model.Load(_folder.Write("branches.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 24, 96).Input("c", ElementType.Bool).Output("y")
            .Initializer("v", TestTensors.Floats(2, 96, 96)).Initializer("w", TestTensors.Floats(3, 96, 96))
            .Node("If", "c", "y",
                ("then_branch", new ModelBuilder(17).Output("t").Node("MatMul", "x v", "t").Graph), ("else_branch", new ModelBuilder(17).Output("e").Node("MatMul", "x w", "e").Graph)).ToBytes()));
        RangeTable table = new Calibration(model, new SessionOptions()).Run([new Dictionary<string, OnnxValue> { ["x"] = TestTensors.Floats(1, 24, 96), ["c"] = TensorBuffer.Create<bool>([taken]) }]);
        Assert.That(table.Ranges.Select(range => range.Name), Is.EqualTo(taken ? new[] { "t" } : ["e"]).Or.EqualTo(taken ? new[] { "t", "x" } : ["e", "x"]));
    }

    [Test]
    public void TheBudgetIsKept()
    {
        long budget;
        using (InferenceSession planning = new(_model, new SessionOptions { PlanOnly = true, KeptPanelBytes = 0 }))
        {
            budget = planning.Plan().SmallestBudgetBytes;
        }

        MemoryBudgetException exception = Assert.Throws<MemoryBudgetException>(() => new Calibration(_model, new SessionOptions { MemoryBudget = 1000 }).Run([QuantizationModels.ImageInputs()]));
        Assert.That(exception.SmallestBudgetBytes, Is.GreaterThan(new Calibration(_model, new SessionOptions()).HistogramBytes));
        Assert.That(exception.BudgetBytes, Is.EqualTo(1000));
        RangeTable inside = new Calibration(_model, new SessionOptions { MemoryBudget = exception.SmallestBudgetBytes }).Run([QuantizationModels.ImageInputs()]);
        Assert.That(inside.Ranges, Is.EqualTo(new Calibration(_model, new SessionOptions()).Run([QuantizationModels.ImageInputs()]).Ranges));
        Assert.That(exception.SmallestBudgetBytes, Is.LessThan(3 * budget + new Calibration(_model, new SessionOptions()).HistogramBytes));
    }

    [Test]
    public void WrongSamplesAreRefused()
    {
        Calibration calibration = new(_model, new SessionOptions());
        Assert.That(() => calibration.Run([]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("at least one sample"));
        Assert.That(() => calibration.Run([QuantizationModels.ImageInputs(), new Dictionary<string, OnnxValue> { ["x"] = TestTensors.Floats(1, 1, 8, 20, 21) }]),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("Sample 2").And.Message.Contains("'x'"));
        Assert.That(() => new Calibration(_model, new SessionOptions()) { Percentile = 50 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new Calibration(_model, new SessionOptions()) { Percentile = double.NaN }, Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void WhatIsNeverFiniteHasNoRange()
    {
        TensorBuffer broken = TestTensors.Floats(1, 1, 8, 20, 20);
        broken.Span<float>().Fill(float.NaN);
        RangeTable table = new Calibration(_model, new SessionOptions()).Run([new Dictionary<string, OnnxValue> { ["x"] = broken }]);
        Assert.That(table.Find("x"), Is.Null);
    }

    [Test]
    public void CancellationLeavesNothing()
    {
        using CancellationTokenSource source = new();
        long live = CountedMemory.LiveBytes;
        Recorder recorder = new(report =>
        {
            if (report is { Sample: 1, Fraction: > 0.3 })
            {
                source.Cancel();
            }
        });
        Assert.That(() => new Calibration(_model, new SessionOptions()).Run([QuantizationModels.ImageInputs(), QuantizationModels.ImageInputs(), QuantizationModels.ImageInputs()], recorder, source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(CountedMemory.LiveBytes, Is.EqualTo(live));
    }

    private static ModelBuilder Wide() => new ModelBuilder(17).Input("x", ElementType.Float32, 6000, 64).Output("y")
        .Initializer("a", TestTensors.Floats(1, 64, 96)).Initializer("b", TestTensors.Floats(2, 96, 64))
        .Node("MatMul", "x a", "h").Node("Tanh", "h", "t").Node("MatMul", "t b", "y");

    private sealed class Recorder(Action<CalibrationProgress> action) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => action(value);
    }
}
