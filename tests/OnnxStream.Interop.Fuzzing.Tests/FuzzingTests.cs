using System.Globalization;
using OnnxStream.Interop.Conformance.Tests;
using OnnxStream.Interop.Fuzzing.Targets;

namespace OnnxStream.Interop.Fuzzing.Tests;

/// <summary>Mutated files of all kinds run, or are refused with an exception of the documented family; nothing crashes, hangs or is left behind.</summary>
/// <remarks>The environment variable ONNXSTREAM_MUTATIONS says how many are tried; the seeds are the same in every run.</remarks>
public sealed class FuzzingTests
{
    private const int DefaultFiles = 3_000;

    [Test]
    public void FilesAreUsedOrRefused()
    {
        if (ConformanceSuite.Folder is null)
        {
            TestContext.Out.WriteLine($"Only this project's own models are mutated: {ConformanceSuite.Absent}");
        }

        int files = int.TryParse(Environment.GetEnvironmentVariable("ONNXSTREAM_MUTATIONS"), CultureInfo.InvariantCulture, out int wanted) ? wanted : DefaultFiles;
        FuzzReport report = new Fuzzer(null, TimeSpan.FromSeconds(10)).Run(0, files, CancellationToken.None);
        TestContext.Out.WriteLine(report);
        Assert.That(report.Failures, Is.Empty);
        Assert.That(report.Files, Is.EqualTo(files));
        foreach (FuzzTarget target in FuzzTargets.All)
        {
            // Changes that are always refused, or never, test nothing.
            Assert.That(report.Count(target.Name, Outcome.Ran), Is.Positive, target.Name);
            Assert.That(report.Count(target.Name, Outcome.Refused), Is.Positive, target.Name);
        }
    }
}
