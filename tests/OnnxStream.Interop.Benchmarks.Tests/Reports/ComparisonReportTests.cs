using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Reports;
using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Tests.Reports;

public class ComparisonReportTests
{
    private static readonly Machine s_machine = new("Intel(R) Core(TM) i7-1 CPU", 4, 16L << 30, "Linux, X64", ".NET 10", "0.1.0", 0.25);

    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("onnxstream-tests-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void HasTablesAndPictures()
    {
        string path = Create().Write(_folder);
        Assert.That(Path.GetFileName(path), Is.EqualTo("intel-core-i7-1-cpu-busy-2.md"));
        string text = File.ReadAllText(path);
        Assert.That(text, Does.Contain("| unet | `onnxruntime` | 2.000 | 1.000 | 1 | 1,024 | 512 |  |\n"));
        Assert.That(text, Does.Contain("| unet | `onnxstream` | 3.000 | 1.000 | 1.50 (1.00 to 2.00) | 256 |  | 2.0e-6 |\n"));
        Assert.That(text, Does.Contain("| unet | `onnxstream-store` | exit code 1: no \\| room | | | | | |\n"));
        Assert.That(text, Does.Contain("| unet | 96 |  |  |  | refused (exit code 2): at least 128 MB |\n"));
        Assert.That(text, Does.Contain("| unet | 128 | 4.000 | 120 | 3.0e-6 |  |\n"));
        Assert.That(text, Does.Contain("| load before | 0.3 processes"));
        foreach (string picture in new[] { "intel-core-i7-1-cpu-busy-2-time.png", "intel-core-i7-1-cpu-busy-2-memory.png" })
        {
            Assert.That(text, Does.Contain($"({picture})"));
            Assert.That(File.ReadAllBytes(Path.Combine(_folder, picture)).AsSpan(1, 3).SequenceEqual("PNG"u8), Is.True);
        }
    }

    [Test]
    public void ManyModelsHaveNoPictures()
    {
        ComparisonReport report = Create();
        string path = (report with { Suffix = "-architectures", HasPictures = false, Options = report.Options with { TurnS = 2, BusyProcesses = 0 } }).Write(_folder);
        Assert.That(Directory.GetFiles(_folder), Is.EqualTo(new[] { path }));
        Assert.That(Path.GetFileName(path), Is.EqualTo("intel-core-i7-1-cpu-architectures.md"));
        Assert.That(File.ReadAllText(path), Does.Contain("Networks. Each engine runs in a process of its own, in turns: 3 rounds of 2 seconds of measured runs, 3 or more, after one"));
    }

    private static ComparisonReport Create()
    {
        IReadOnlyList<Engine> engines = EngineCatalog.Create("tool", "");
        EngineResult baseline = new(engines.Single(engine => engine.Name == EngineCatalog.Baseline));
        baseline.Add(Report(1024, 1, 2), 512L << 20);
        baseline.Add(Report(1000, 2, 2), 100L << 20);
        EngineResult plain = new(engines.Single(engine => engine.Name == EngineCatalog.Plain)) { Error = 2e-6 };
        plain.Add(Report(256, 2, 1), null);
        plain.Add(Report(200, 4, 4), null);
        EngineResult failed = new(engines.Single(engine => engine.Name == "onnxstream-store")) { Failure = "exit code 1: no | room" };
        ComparisonOptions options = new() { Subject = "Networks.", Models = Sd15Model.All, Engines = engines, Tool = "tool", BusyProcesses = 2, Budgets = [96, 128] };
        return new ComparisonReport(s_machine, options, "./build.sh bench", [new ModelResult("unet", [baseline, plain, failed],
        [
            new BudgetResult(96, null, null, null, 2, "at least 128 MB"),
            new BudgetResult(128, 4, 120L << 20, 3e-6, 0, null),
        ])]);
    }

    // The first run warms up and is not counted.
    private static EngineReport Report(long mebiBytes, params double[] runs) => new(0, [100, .. runs], mebiBytes << 20, []);
}
