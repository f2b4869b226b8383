using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tests.Weights;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Execution;

/// <summary>Lets every single allocation of native memory fail once.</summary>
[NativeMemoryLeakCheck]
public class AllocationFailureTests
{
    [TearDown]
    public void AllowAllocations() => CountedMemory.FailureCountdown = -1;

    [Test]
    public void WhileASessionIsMade([Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        Model model = Model.Load(SmallModel.Write(folder));
        SessionOptions options = new() { ThreadCount = threads };
        long live = MemoryDiagnostics.LiveBytes;
        int failures = 0;
        for (int n = 0; ; n++)
        {
            CountedMemory.FailureCountdown = n;
            try
            {
                using InferenceSession session = new(model, options);
                bool wasReached = CountedMemory.FailureCountdown < 0;
                CountedMemory.FailureCountdown = -1;
                SmallModel.Check(session.Run(SmallModel.Inputs), $"allocation {n}");
                if (!wasReached)
                {
                    break;
                }
            }
            catch (NativeMemoryException)
            {
                failures++;
            }

            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live), $"allocation {n}");
        }

        Assert.That(failures, Is.GreaterThan(10));
    }

    [Test]
    public void WhileASessionRuns([Values("mapped", "buffered", "ahead", "ram")] string kind, [Values(1, 2)] int threads)
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
                SmallModel.Check(session.Run(SmallModel.Inputs), $"allocation {n}");
                if (CountedMemory.FailureCountdown >= 0)
                {
                    break;
                }
            }
            catch (NativeMemoryException)
            {
                failures++;
                SmallModel.Check(session.Run(SmallModel.Inputs), $"after allocation {n} failed");
            }

            CountedMemory.FailureCountdown = -1;
        }

        Assert.That(failures, Is.GreaterThan(5));
    }
}
