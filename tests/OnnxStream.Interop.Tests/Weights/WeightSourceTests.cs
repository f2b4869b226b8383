using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

[NativeMemoryLeakCheck]
public class WeightSourceTests
{
    private static readonly Func<WeightsProvider>[] s_providers =
    [
        WeightsProvider.DiskNoCache, () => WeightsProvider.DiskPrefetch(), () => WeightsProvider.DiskPrefetch(1), () => WeightsProvider.DiskPrefetch(20_000), () => WeightsProvider.DiskMapped(), () => WeightsProvider.Ram(),
        () => new FileProvider(0), () => new FileProvider(20_000), () => WeightsProvider.Ram(new FileProvider(0)),
    ];

    [TestCaseSource(nameof(s_providers))]
    public void AModelThatIsNoFileRuns(Func<WeightsProvider> create)
    {
        Model model = Model.Load(MemoryFiles.Small(), "small.onnx");
        Assert.That(model.Path, Is.EqualTo("memory:small.onnx"));
        using WeightsProvider provider = create();
        for (int threads = 1; threads <= 3; threads++)
        {
            using InferenceSession session = new(model, new SessionOptions { WeightsProvider = provider, ThreadCount = threads });
            for (int run = 0; run < 3; run++)
            {
                SmallModel.Check(session.Run(SmallModel.Inputs), $"threads {threads}, run {run}");
            }
        }
    }

    [Test]
    public void AnOnnxStreamFolderThatIsNoFolderRuns()
    {
        using TemporaryFolder folder = new();
        Model.Load(SmallModel.Write(folder)).SaveOnnxStream(folder["text"]);
        MemoryFiles files = new(Directory.GetFiles(folder["text"]).Select(file => ($"a/b/{Path.GetFileName(file)}", File.ReadAllBytes(file))));
        Model model = Model.Load(files, "a\\b\\model.txt");
        Assert.That(model.Path, Is.EqualTo("memory:/a/b"));
        Assert.That(files.Asked, Is.Unique);
        using InferenceSession session = new(model);
        SmallModel.Check(session.Run(SmallModel.Inputs), "text");
    }

    [Test]
    public void WhatIsReadAheadOfASourceIsMemory()
    {
        using TemporaryFolder folder = new();
        Model model = Model.Load(MemoryFiles.Small(), "small.onnx");
        Model file = Model.Load(SmallModel.Write(folder));
        PlanSummary nothing = Plan(model, 0);
        long window = nothing.PeakBytes - nothing.PeakNativeBytes + 20_000;
        PlanSummary ahead = Plan(model, window);
        Assert.That(ahead.PeakBytes - nothing.PeakBytes, Is.EqualTo(20_000), "what is in use is a part of the window");
        Assert.That(Plan(model, 10 << 20).PeakBytes - nothing.PeakNativeBytes, Is.EqualTo(10 << 20));
        Assert.That(Plan(file, window).PeakBytes, Is.EqualTo(Plan(file, 0).PeakBytes), "a file is read ahead by the system");
        Assert.That(ahead.SmallestBudgetBytes, Is.EqualTo(nothing.SmallestBudgetBytes));
        using WeightsProvider provider = WeightsProvider.DiskPrefetch(window);
        Assert.That(() => new InferenceSession(model, new SessionOptions { WeightsProvider = provider, MemoryBudget = ahead.SmallestBudgetBytes - 1, ThreadCount = 1 }), Throws.TypeOf<MemoryBudgetException>());
        long before = MemoryDiagnostics.LiveBytes;
        using InferenceSession session = new(model, new SessionOptions { WeightsProvider = provider, MemoryBudget = ahead.SmallestBudgetBytes, ThreadCount = 1, KeptPanelBytes = 0 });
        RunResult result = session.Run(SmallModel.Inputs);
        SmallModel.Check(result, "the smallest budget");
        Assert.That(result.Statistics.PeakNativeBytes - before, Is.LessThanOrEqualTo(ahead.SmallestBudgetBytes + 4096));

        static PlanSummary Plan(Model model, long window)
        {
            using WeightsProvider provider = WeightsProvider.DiskPrefetch(window);
            using InferenceSession session = new(model, new SessionOptions { WeightsProvider = provider, ThreadCount = 1, KeptPanelBytes = 0 });
            return session.Plan();
        }
    }

    [Test]
    public void ReadsThatFail([Values(0, 1 << 20)] long windowBytes)
    {
        MemoryFiles files = MemoryFiles.Small();
        using WeightsProvider provider = WeightsProvider.DiskPrefetch(windowBytes);

        // Of panels that are kept, what is read ahead before they are used would be a matter of luck.
        using InferenceSession session = new(Model.Load(files, "small.onnx"), new SessionOptions { WeightsProvider = provider, KeptPanelBytes = 0 });
        MemorySource source = files["small.onnx"];
        session.Run(SmallModel.Inputs);
        int reads = source.Reads;
        session.Run(SmallModel.Inputs);
        reads = source.Reads - reads;
        long live = MemoryDiagnostics.LiveBytes;
        for (int n = 0; n < reads; n++)
        {
            int left = n;
            source.OnRead = _ =>
            {
                if (Interlocked.Decrement(ref left) < 0)
                {
                    throw n % 2 == 0 ? new TimeoutException("the server sleeps") : new ObjectDisposedException("connection");
                }
            };
            Assert.That(() => session.Run(SmallModel.Inputs), Throws.TypeOf<WeightsException>().With.Message.StartsWith("memory:small.onnx: weight '").And.InnerException.Not.Null, $"read {n}");
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live), $"read {n}");
            source.OnRead = _ => { };
            SmallModel.Check(session.Run(SmallModel.Inputs), $"after a failure at read {n}");
        }
    }

    [Test]
    public void ReadsThatTakeLong()
    {
        MemoryFiles files = MemoryFiles.Small();
        using InferenceSession session = new(Model.Load(files, "small.onnx"), new SessionOptions { ThreadCount = 2 });
        files["small.onnx"].OnRead = _ => Thread.Sleep(20);
        SmallModel.Check(session.Run(SmallModel.Inputs), "late");
    }

    [Test]
    public void ARunThatWaitsForASourceIsCancelledWhenTheReadReturns()
    {
        MemoryFiles files = MemoryFiles.Small();
        using InferenceSession session = new(Model.Load(files, "small.onnx"), new SessionOptions { ThreadCount = 1 });
        using ManualResetEventSlim isReading = new();
        using ManualResetEventSlim goesOn = new();
        files["small.onnx"].OnRead = _ =>
        {
            isReading.Set();
            goesOn.Wait();
        };
        using CancellationTokenSource cancellation = new();
        Task run = Task.Run(() => session.Run(SmallModel.Inputs, cancellationToken: cancellation.Token));
        isReading.Wait();
        cancellation.Cancel();
        goesOn.Set();
        Assert.That(() => run.Wait(TimeSpan.FromSeconds(20)), Throws.TypeOf<AggregateException>().With.InnerException.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void AVersionThatChangesBetweenRuns([Values("prefetch", "custom", "nocache")] string kind)
    {
        MemoryFiles files = MemoryFiles.Small();
        using WeightsProvider provider = Create(kind);
        using InferenceSession session = new(Model.Load(files, "small.onnx"), new SessionOptions { WeightsProvider = provider });
        session.Run(SmallModel.Inputs);
        files["small.onnx"].VersionIs = () => "2";
        Assert.That(() => session.Run(SmallModel.Inputs), Throws.TypeOf<WeightsException>().With.Message.StartsWith("memory:small.onnx").And.Message.Contains("'1'").And.Message.Contains("'2'"));
        files["small.onnx"].VersionIs = () => "1";
        SmallModel.Check(session.Run(SmallModel.Inputs), "the same version again");
    }

    [Test]
    public void AVersionThatChangesWhileARunIsUnderWay([Values("prefetch", "custom", "nocache", "ram")] string kind)
    {
        // What the run returned would be made of two versions.
        MemoryFiles files = MemoryFiles.Small();
        using WeightsProvider provider = Create(kind);
        using InferenceSession session = new(Model.Load(files, "small.onnx"), new SessionOptions { WeightsProvider = provider, ThreadCount = 1 });
        int reads = 0;
        files["small.onnx"].OnRead = _ =>
        {
            if (++reads == 3)
            {
                files["small.onnx"].VersionIs = () => "2";
            }
        };
        Assert.That(() => session.Run(SmallModel.Inputs), Throws.TypeOf<WeightsException>().With.Message.Contains("'2'"));
    }

    [Test]
    public void LengthsThatAreWrong()
    {
        MemoryFiles files = MemoryFiles.Small();
        MemorySource source = files["small.onnx"];
        source.LengthIs = () => -5;
        Assert.That(() => Model.Load(files, "small.onnx"), Throws.TypeOf<WeightsException>().With.Message.StartsWith("memory:small.onnx").And.Message.Contains("-5"));
        source.LengthIs = () => throw new IOException("no answer");
        Assert.That(() => Model.Load(files, "small.onnx"), Throws.TypeOf<WeightsException>().With.Message.StartsWith("memory:small.onnx").And.Message.Contains("no answer"));
        source.LengthIs = () => SmallModel.Onnx.Length - 100;
        Assert.That(() => Model.Load(files, "small.onnx"), Throws.TypeOf<ModelFormatException>().With.Message.StartsWith("memory:small.onnx"));
        source.LengthIs = () => SmallModel.Onnx.Length + 100;
        Assert.That(() => Model.Load(files, "small.onnx"), Throws.InstanceOf<OnnxStreamException>().With.Message.StartsWith("memory:small.onnx"));
        source.LengthIs = () => 0;
        Assert.That(() => Model.Load(files, "small.onnx"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("empty"));
        source.LengthIs = () => SmallModel.Onnx.Length;
        Model model = Model.Load(files, "small.onnx");
        source.OnRead = offset => throw new ArgumentOutOfRangeException(nameof(offset), "there is no such byte");
        Assert.That(() => Model.Load(files, "small.onnx"), Throws.TypeOf<WeightsException>().With.Message.StartsWith("memory:small.onnx"));
        Assert.That(() => model.SaveOnnx(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())), Throws.TypeOf<WeightsException>().With.Message.StartsWith("memory:small.onnx: weight '"));
    }

    [Test]
    public void VersionsThatAreWrong([Values("prefetch", "custom", "nocache", "ram")] string kind)
    {
        MemoryFiles files = MemoryFiles.Small();
        Model model = Model.Load(files, "small.onnx");
        using WeightsProvider provider = Create(kind);
        files["small.onnx"].VersionIs = () => null;
        Assert.That(() => new InferenceSession(model, new SessionOptions { WeightsProvider = provider }), Throws.TypeOf<WeightsException>().With.Message.StartsWith("memory:small.onnx").And.Message.Contains("null"));
        files["small.onnx"].VersionIs = () => throw new TimeoutException("no answer");
        Assert.That(() => new InferenceSession(model, new SessionOptions { WeightsProvider = provider }), Throws.TypeOf<WeightsException>().With.Message.StartsWith("memory:small.onnx").And.Message.Contains("no answer"));
    }

    [Test]
    public void EveryReadOfASessionGoesThroughItsProvider([Values(0, 1 << 20)] long windowBytes)
    {
        // Constants that shapes depend on, small ones that are folded, biases of panels, weights that an If returns as they are.
        TensorBuffer condition = TensorBuffer.Create<bool>([.. Enumerable.Range(0, 2000).Select(i => i % 3 == 0)], 2000);
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 4, 2000), ["c"] = TensorBuffer.Create<bool>([true]) };
        byte[] onnx = new ModelBuilder(17).Input("x", ElementType.Float32, 4, 2000).Input("c", ElementType.Bool)
            .Initializer("condition", condition).Initializer("left", TestTensors.Floats(2, 667)).Initializer("right", TestTensors.Floats(3, 667))
            .Initializer("w", TestTensors.Floats(4, 300, 667)).Initializer("bias", TestTensors.Floats(5, 300)).Initializer("captured", TestTensors.Floats(6, 300))
            .Node("Compress", "x condition", "some", ("axis", 1)).Node("Add", "left right", "folded").Node("Add", "some folded", "sum")
            .Node("Gemm", "sum w bias", "g", ("transB", 1))
            .Node("If", "c", "p", ("then_branch", Body("captured").Graph), ("else_branch", Body("bias").Graph))
            .Node("Add", "g p", "y").Output("y").ToBytes();
        Dictionary<string, TensorBuffer> expected = Oracle.Run(onnx, inputs);
        MemoryFiles files = new((Name: "m.onnx", Bytes: onnx));
        using TemporaryFolder folder = new();
        foreach (PanelStoreOptions store in (PanelStoreOptions[])[PanelStoreOptions.Off, PanelStoreOptions.File(folder["s.panels"])])
        {
            using GuardedProvider provider = new(windowBytes);
            Model model = Model.Load(files, "m.onnx");
            provider.Guard(files["m.onnx"]);
            for (int i = 0; i < 2; i++)
            {
                using InferenceSession session = new(model, new SessionOptions { WeightsProvider = provider, ThreadCount = 2, PanelStore = store });
                TestTensors.AssertClose(session.Run(inputs)["y"], expected["y"], 1e-4, $"store {store.IsEnabled}");
            }

            Assert.That(provider.Past, Is.Empty);
            Assert.That(provider.Foreign, Is.Empty, "panels are the library's");
            Assert.That(provider.Names, Is.EquivalentTo(new[] { "condition", "left", "right", "w", "bias", "captured" }));
            files["m.onnx"].OnRead = _ => { };
        }

        static ModelBuilder Body(string captured) => new ModelBuilder(17).Node("Identity", captured, $"{captured}_out").Output($"{captured}_out");
    }

    [Test]
    public void IdsAreNotEmpty() => Assert.That(() => new MemorySource("", []), Throws.TypeOf<ArgumentException>());

    private static WeightsProvider Create(string kind) => kind switch
    {
        "custom" => new FileProvider(1 << 20),
        "nocache" => WeightsProvider.DiskNoCache(),
        "ram" => WeightsProvider.Ram(),
        _ => WeightsProvider.DiskPrefetch(),
    };
}
