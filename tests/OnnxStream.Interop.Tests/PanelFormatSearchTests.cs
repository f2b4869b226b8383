using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Tests;

/// <summary>Small networks with random weights; some of their layers are made to lose much in few bits.</summary>
[NativeMemoryLeakCheck]
public class PanelFormatSearchTests
{
    private const int Width = 256;
    private const int Sensitive = 3;
    private TemporaryFolder _folder = null!;
    private byte[] _bytes = null!;
    private string _path = null!;
    private Model _model = null!;
    private Dictionary<string, OnnxValue> _inputs = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        _bytes = Branches(6).ToBytes();
        _path = _folder.Write("model.onnx", _bytes);
        _model = Model.Load(_path);
        _inputs = new() { ["x"] = TestTensors.Floats(7, 24, Width) };
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    // Measured with the store, by ONNX Runtime's results.
    [Test]
    public void TheTargetIsMetAndSmallerTargetsTakeMoreBytes()
    {
        long last = 0;
        TensorBuffer expected = Oracle.Run(_bytes, new Dictionary<string, TensorBuffer> { ["x"] = (TensorBuffer)_inputs["x"] })["y"];
        foreach (double target in (double[])[0.2, 0.05, 0.01, 0.002, 0.0001])
        {
            PanelFormatTable table = Search(target).Run();
            (TensorBuffer actual, long bytes) = RunWithStore(table, $"{target}.panels");
            double error = TestTensors.RelativeRms(actual, expected);
            Assert.That(error, Is.LessThanOrEqualTo(target + 2e-6));
            Assert.That(table.MeasuredError, Is.EqualTo(error).Within(2e-6 + 0.01 * error));
            Assert.That(table.TargetError, Is.EqualTo(target));
            Assert.That(table.Layers, Has.Count.EqualTo(6));
            Assert.That(Math.Sqrt(table.Layers.Sum(layer => layer.PredictedError!.Value * layer.PredictedError.Value)), Is.EqualTo(table.MeasuredError!.Value).Within(1e-3 * error));
            Assert.That(bytes, Is.GreaterThan(last), $"{target}");
            last = bytes;
        }
    }

    // Its data have an outlier that the weight takes away again: rounded to 8 bits in one row, nothing of the other numbers is left.
    [Test]
    public void TheSensitiveLayerGetsMoreBits()
    {
        PanelFormatTable table = Search(0.02, ElementType.Int8, ElementType.Float16, ElementType.Float32).Run();
        Assert.That(table.Find($"w{Sensitive}"), Is.EqualTo(ElementType.Float16));
        Assert.That(table.Layers.Where(layer => layer.WeightName != $"w{Sensitive}").Select(layer => layer.ElementType), Is.All.EqualTo(ElementType.Int8));
        Assert.That(Search(0.02, ElementType.Int8, ElementType.Float32).Run().Find($"w{Sensitive}"), Is.EqualTo(ElementType.Float32));
    }

    [Test]
    public void TheChoiceIsTheSameForAnyNumberOfThreads([Values(0.05, 0.01)] double target)
    {
        PanelFormatTable[] tables = [.. new[] { 1, 2, 2, 3 }.Select(threads => Search(target, new SessionOptions { ThreadCount = threads }).Run())];
        Assert.That(tables, Is.All.EqualTo(tables[0]));
        Assert.That(tables.Select(table => table.MeasuredError), Is.All.EqualTo(tables[0].MeasuredError));
    }

    [Test]
    public void TheChoiceIsKeptBesideTheStoreAndUsedAgain()
    {
        string store = _folder["model.panels"];
        SessionOptions options = new() { PanelStore = PanelStoreOptions.File(store) };
        PanelFormatSearch search = Search(0.01, options);
        Assert.That(search.TryLoad(), Is.Null);
        PanelFormatTable table = search.LoadOrRun();
        Assert.That(search.Path, Is.EqualTo(store + ".formats").And.Exist);

        // Another search does not run.
        Recorder recorder = new();
        PanelFormatTable again = Search(0.01, options with { ThreadCount = 1 }).LoadOrRun(recorder);
        Assert.That(recorder.Reports, Is.Empty);
        Assert.That(again, Is.EqualTo(table));
        Assert.That(again.Layers, Is.EqualTo(table.Layers));
        Assert.That(PanelStoreFile.FindAll(_folder.Path), Is.Empty, "a search writes no store");

        // For another target, other types, another model it does.
        Assert.That(Search(0.011, options).TryLoad(), Is.Null);
        Assert.That(new PanelFormatSearch(_model, options, _inputs) { TargetError = 0.01, Types = [ElementType.Int8, ElementType.Float32] }.TryLoad(), Is.Null);
        File.SetLastWriteTimeUtc(_path, DateTime.UtcNow.AddMinutes(1));
        Assert.That(new PanelFormatSearch(Model.Load(_path), options, _inputs) { TargetError = 0.01 }.TryLoad(), Is.Null);
        File.WriteAllText(search.Path, "damaged");
        Assert.That(search.TryLoad(), Is.Null);
    }

    [Test]
    public void AStoreBelongsToOneChoice()
    {
        string path = _folder["model.panels"];
        PanelFormatTable first = Search(0.05).Run();
        PanelFormatTable second = Search(0.001).Run();
        Assert.That(second, Is.Not.EqualTo(first));
        (TensorBuffer expected, _) = RunWithStore(first, "model.panels");
        byte[] written = File.ReadAllBytes(path);
        Recorder packing = new();
        Assert.That(RunWithStore(first, "model.panels", packing).Result.Bytes.SequenceEqual(expected.Bytes), Is.True);
        Assert.That(packing.Packed, Is.Zero);
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(written));
        Assert.That(RunWithStore(second, "model.panels", packing).Result.Bytes.SequenceEqual(expected.Bytes), Is.False);
        Assert.That(packing.Packed, Is.GreaterThan(0));
        Assert.That(File.ReadAllBytes(path), Is.Not.EqualTo(written));
        Assert.That(Directory.GetFiles(_folder.Path, "*.panels"), Has.Length.EqualTo(1));

        // A format for all of them is another choice than a table that says the same.
        packing = new Recorder();
        RunWithStore(new PanelFormatTable(first.Layers.Select(layer => layer with { ElementType = ElementType.Int8 })), "model.panels", packing);
        Assert.That(packing.Packed, Is.GreaterThan(0));
        packing = new Recorder();
        RunWithStore(null, "model.panels", packing, ElementType.Int8);
        Assert.That(packing.Packed, Is.GreaterThan(0));
    }

    // Of a matrix whose rows are no whole blocks, 4 bits are 8; of few numbers, single precision.
    [Test]
    public void LayersKeepTheTypesThatTheyTake()
    {
        string path = _folder.Write("mixed.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 24, Width).Output("y")
            .Initializer("a", TestTensors.Floats(1, Width, 250)).Initializer("b", TestTensors.Floats(2, 250, Width)).Initializer("c", TestTensors.Floats(3, Width, 40))
            .Node("MatMul", "x a", "m").Node("MatMul", "m b", "n").Node("MatMul", "n c", "y").ToBytes());
        PanelFormatTable table = new PanelFormatSearch(Model.Load(path), new SessionOptions(), _inputs) { TargetError = 0.9, Types = [ElementType.Int4, ElementType.Float32] }.Run();
        Assert.That(table.Layers.Select(layer => (layer.WeightName, layer.ElementType)), Is.EqualTo(new[] { ("a", ElementType.Int4), ("b", ElementType.Int8), ("c", ElementType.Float32) }));
        using InferenceSession session = new(path, new SessionOptions
        {
            PlanOnly = true,
            PanelStore = PanelStoreOptions.File(_folder["mixed.panels"]) with { Formats = new PanelFormatTable(table.Layers.Select(layer => layer with { ElementType = ElementType.Int4 })) },
        });
        Assert.That(session.Plan().Weights.Select(weight => (weight.Name, weight.PanelType)), Is.EqualTo(new[] { ("a", ElementType.Int4), ("b", ElementType.Int8), ("c", ElementType.Float32) }));
    }

    [Test]
    public void ConvolutionsThatWinogradComputes([Values(0.03, 0.001)] double target)
    {
        byte[] bytes = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 64, 24, 24).Output("y")
            .Initializer("a", TestTensors.Floats(1, 64, 64, 3, 3)).Initializer("b", TestTensors.Floats(2, 96, 64, 1, 1)).Initializer("c", TestTensors.Floats(3, 64, 96, 3, 3))
            .Node("Conv", "x a", "m", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "m b", "n").Node("Conv", "n c", "y", ("pads", new[] { 1, 1, 1, 1 })).ToBytes();
        string path = _folder.Write("convolutions.onnx", bytes);
        Dictionary<string, OnnxValue> inputs = new() { ["x"] = TestTensors.Floats(5, 1, 64, 24, 24) };
        PanelFormatTable table = new PanelFormatSearch(Model.Load(path), new SessionOptions(), inputs) { TargetError = target }.Run();
        using InferenceSession session = new(path, new SessionOptions { PanelStore = PanelStoreOptions.File(_folder["c.panels"]) with { Formats = table } });
        double error = TestTensors.RelativeRms(session.Run(inputs)["y"], Oracle.Run(bytes, new Dictionary<string, TensorBuffer> { ["x"] = (TensorBuffer)inputs["x"] })["y"]);
        Assert.That(error, Is.LessThanOrEqualTo(target + 1e-5));
        Assert.That(error, Is.EqualTo(table.MeasuredError!.Value).Within(1e-5 + 0.01 * error));
    }

    [Test]
    public void ATargetThatCannotBeMetSaysTheBest()
    {
        TargetErrorException exception = Assert.Throws<TargetErrorException>(() => Search(1e-4, ElementType.Int4, ElementType.Int8).Run());
        Assert.That(exception.TargetError, Is.EqualTo(1e-4));
        Assert.That(exception.SmallestError, Is.GreaterThan(1e-3).And.LessThan(1));
        Assert.That(exception.Message, Does.Contain(_path).And.Contain("0.0001").And.Contain("Int4, Int8").And.Contain("the best is"));
        Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { _path }));

        // Activations in half precision have an error of their own.
        SessionOptions half = new() { ActivationElementType = ElementType.Float16 };
        string path = _folder.Write("large.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 4000, Width).Output("y")
            .Initializer("a", TestTensors.Floats(1, Width, Width)).Initializer("b", TestTensors.Floats(2, Width, Width)).Initializer("c", TestTensors.Floats(3, Width, Width))
            .Node("MatMul", "x a", "m").Node("MatMul", "m b", "n").Node("MatMul", "n c", "y").ToBytes());
        PanelFormatSearch search = new(Model.Load(path), half, new Dictionary<string, OnnxValue> { ["x"] = TestTensors.Floats(7, 4000, Width) }) { TargetError = 1e-6 };
        Assert.That(() => search.Run(), Throws.TypeOf<TargetErrorException>().With.Message.Contains("half precision"));
    }

    [Test]
    public void WrongTargetsAndTypesAreRefused()
    {
        foreach (double target in (double[])[0, -0.1, 1, 2, double.NaN, double.PositiveInfinity, double.NegativeInfinity])
        {
            Assert.That(() => new PanelFormatSearch(_model, new SessionOptions(), _inputs) { TargetError = target }, Throws.InstanceOf<ArgumentOutOfRangeException>(), $"{target}");
        }

        Assert.That(() => new PanelFormatSearch(_model, new SessionOptions(), _inputs) { Types = [] }, Throws.ArgumentException);
        Assert.That(() => new PanelFormatSearch(_model, new SessionOptions(), _inputs) { Types = [ElementType.Int8, ElementType.Int64] }, Throws.ArgumentException.With.Message.Contains("Int64"));
    }

    [Test]
    public void OutputsThatAreNotNumbersAreRefused()
    {
        string path = _folder.Write("integers.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 4, Width).Output("y", ElementType.Int64)
            .Initializer("w", TestTensors.Floats(1, Width, Width)).Node("MatMul", "x w", "m").Node("ArgMax", "m", "y").ToBytes());
        Assert.That(() => new PanelFormatSearch(Model.Load(path), new SessionOptions(), new Dictionary<string, OnnxValue> { ["x"] = TestTensors.Floats(1, 4, Width) }).Run(), Throws.TypeOf<InvalidInputException>().With.Message.Contains("floating-point"));
    }

    [Test]
    public void AModelWithoutPanelsHasAnEmptyTable()
    {
        string path = _folder.Write("small.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 4, Width).Output("y").Node("Relu", "x", "y").ToBytes());
        PanelFormatTable table = new PanelFormatSearch(Model.Load(path), new SessionOptions(), new Dictionary<string, OnnxValue> { ["x"] = TestTensors.Floats(1, 4, Width) }).Run();
        Assert.That(table.Layers, Is.Empty);
        Assert.That(table.MeasuredError, Is.Zero);
    }

    // Nothing is known of what the branch that is not taken would do to the outputs.
    [Test]
    public void LayersThatDoNotRunAreAsExactAsIsAllowed([Values(0.9, 0.001)] double target)
    {
        string path = _folder.Write("branches.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 24, Width).Input("c", ElementType.Bool).Output("y")
            .Initializer("a", TestTensors.Floats(1, Width, Width)).Initializer("v", TestTensors.Floats(2, Width, Width)).Initializer("w", TestTensors.Floats(3, Width, Width))
            .Node("MatMul", "x a", "m")
            .Node("If", "c", "y",
                ("then_branch", new ModelBuilder(17).Output("t").Node("MatMul", "m v", "t").Graph), ("else_branch", new ModelBuilder(17).Output("e").Node("MatMul", "m w", "e").Graph)).ToBytes());
        Dictionary<string, OnnxValue> inputs = new(_inputs) { ["c"] = TensorBuffer.Create<bool>([true]) };
        PanelFormatTable table = new PanelFormatSearch(Model.Load(path), new SessionOptions(), inputs) { TargetError = target }.Run();
        Assert.That(table.Find("w"), Is.EqualTo(ElementType.Float32));
        Assert.That(table.Find("v"), Is.Not.EqualTo(ElementType.Float32));
    }

    [Test]
    public void ATableOfAnotherModelIsRefused()
    {
        PanelFormatTable table = new([new("elsewhere", ElementType.Int8)]);
        Assert.That(() => RunWithStore(table, "model.panels"), Throws.ArgumentException.With.Message.Contains("elsewhere").And.Message.Contains(_path));
        Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { _path }));
    }

    [Test]
    public void CancellationLeavesNothing([Values(0, 1, 4, 9)] int run)
    {
        using CancellationTokenSource source = new();
        Recorder recorder = new() { Action = report => { if (report.Run == run) { source.Cancel(); } } };
        PanelFormatSearch search = Search(0.004, new SessionOptions { PanelStore = PanelStoreOptions.File(_folder["model.panels"]) });
        long live = CountedMemory.LiveBytes;
        Assert.That(() => search.LoadOrRun(recorder, source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(recorder.Reports, Has.Count.EqualTo(run + 1));
        Assert.That(recorder.Reports.Select(report => report.Run), Is.Ordered);
        Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { _path }));
        Assert.That(CountedMemory.LiveBytes, Is.EqualTo(live));
    }

    [Test]
    public void TheSearchKeepsToTheBudget()
    {
        long budget;
        using (InferenceSession planning = new(_model, new SessionOptions { PlanOnly = true, KeptPanelBytes = 0 }))
        {
            budget = planning.Plan().SmallestBudgetBytes;
        }

        Assert.That(() => Search(0.01, new SessionOptions { MemoryBudget = budget / 4 }).Run(), Throws.TypeOf<MemoryBudgetException>());
        Assert.That(Search(0.01, new SessionOptions { MemoryBudget = 2 * budget }).Run(), Is.EqualTo(Search(0.01).Run()));
    }

    // A sum of products of the same rows with several matrices.
    private static ModelBuilder Branches(int count)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 24, Width).Output("y");
        TensorBuffer outlier = TestTensors.FromDoubles(ElementType.Float32, [.. Enumerable.Range(0, Width).Select(i => i == 5 ? 300.0 : 1)], Width);
        model.Initializer("outlier", outlier);
        string sum = "x";
        for (int i = 0; i < count; i++)
        {
            TensorBuffer weight = TestTensors.Random(ElementType.Float32, 10 + i, -0.1, 0.1, Width, Width);
            if (i == Sensitive)
            {
                weight.Span<float>().Slice(5 * Width, Width).Clear();
                model.Node("Mul", "x outlier", "scaled");
            }

            model.Initializer($"w{i}", weight).Node("MatMul", $"{(i == Sensitive ? "scaled" : "x")} w{i}", $"m{i}").Node("Tanh", $"m{i}", $"t{i}").Node("Add", $"{sum} t{i}", i == count - 1 ? "y" : $"s{i}");
            sum = $"s{i}";
        }

        return model;
    }

    private PanelFormatSearch Search(double target, params ElementType[] types) =>
        types.Length == 0 ? Search(target, new SessionOptions()) : new PanelFormatSearch(_model, new SessionOptions(), _inputs) { TargetError = target, Types = types };

    private PanelFormatSearch Search(double target, SessionOptions options) => new(_model, options, _inputs) { TargetError = target };

    private (TensorBuffer Result, long Bytes) RunWithStore(PanelFormatTable? table, string store, Recorder? recorder = null, ElementType type = ElementType.Float32)
    {
        using InferenceSession session = new(_model, new SessionOptions { PanelStore = PanelStoreOptions.File(_folder[store]) with { ElementType = type, Formats = table, Progress = recorder } });
        return (session.Run(_inputs)["y"], new FileInfo(_folder[store]).Length);
    }

    private sealed class Recorder : IProgress<PanelFormatProgress>, IProgress<PackingProgress>
    {
        public List<PanelFormatProgress> Reports { get; } = [];

        public int Packed { get; private set; }

        public Action<PanelFormatProgress>? Action { get; init; }

        public void Report(PanelFormatProgress value)
        {
            Reports.Add(value);
            Action?.Invoke(value);
        }

        public void Report(PackingProgress value) => Packed++;
    }
}
