using OnnxStream.Interop.Fuzzing.Targets;
using Fault = OnnxStream.Interop.Fuzzing.Targets.BrokenTarget.Fault;

namespace OnnxStream.Interop.Fuzzing.Tests;

public sealed class FuzzerTests
{
    [TestCase(Fault.Hangs, "it hangs")]
    [TestCase(Fault.TakesTooLong, "was told to stop|it hangs")]
    [TestCase(Fault.OverflowsTheStack, "the process died")]
    [TestCase(Fault.ThrowsAnotherException, "another exception")]
    [TestCase(Fault.LeavesNativeMemory, "native memory")]
    [TestCase(Fault.AllocatesGigabytes, "managed memory were allocated")]
    [TestCase(Fault.AsksForTooMuch, "OutOfMemoryException")]
    public void FindsWhatIsBroken(object fault, string problem)
    {
        int seed = BrokenTarget.SeedOf((Fault)fault);
        FuzzReport report = Run(seed);
        Failure failure = report.Failures.Single();
        Assert.That(failure.Seed, Is.EqualTo(seed));
        Assert.That(failure.Problem, Does.Match(problem));
        Assert.That(report.Count(Outcome.Failed), Is.EqualTo(1));
    }

    [TestCase(Fault.None, 0)]
    [TestCase(Fault.Refuses, 1)]
    [TestCase(Fault.StopsWhenTold, 2)]
    public void AcceptsWhatIsNot(object fault, int outcome)
    {
        FuzzReport report = Run(BrokenTarget.SeedOf((Fault)fault));
        Assert.That(report.Failures, Is.Empty);
        Assert.That(report.Count((Outcome)outcome), Is.EqualTo(1));
    }

    [Test]
    public void GoesOnAfterACrash()
    {
        int seed = BrokenTarget.SeedOf(Fault.OverflowsTheStack);
        FuzzReport report = new Fuzzer(new BrokenTarget(), TimeSpan.FromSeconds(2)).Run(seed, 2, CancellationToken.None);
        Assert.That(report.Files, Is.EqualTo(2));
        Assert.That(report.Failures[0].Seed, Is.EqualTo(seed));
    }

    [Test]
    public void SameSeedSameFile([Values("fields", "bytes", "text", "tensors")] string target)
    {
        string folder = Directory.CreateTempSubdirectory("onnxstream-fuzzing-tests-").FullName;
        try
        {
            List<Dictionary<string, string>> tries = [];
            for (int i = 0; i < 2; i++)
            {
                string kept = Path.Combine(folder, $"{i}");
                using StringWriter output = new();
                new Worker(FuzzTargets.Find(target), TimeSpan.FromSeconds(10), output).Run(7, 1, kept);
                Assert.That(output.ToString(), Does.StartWith($"try 7 {target}"));
                tries.Add(Directory.GetFiles(kept, "*", SearchOption.AllDirectories).ToDictionary(path => Path.GetRelativePath(kept, path), path => Convert.ToBase64String(File.ReadAllBytes(path))));
            }

            Assert.That(tries[0], Is.Not.Empty);
            Assert.That(tries[1], Is.EqualTo(tries[0]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static FuzzReport Run(int seed) => new Fuzzer(new BrokenTarget(), TimeSpan.FromSeconds(2)).Run(seed, 1, CancellationToken.None);
}
