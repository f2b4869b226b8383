using OnnxStream.Interop.Tests;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.PublicApi.Tests.Weights;

public class ScheduledWeightsProviderTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void AProviderThatReadsAheadByItselfGivesTheSameOutputs([Values(1, 2)] int threads, [Values(0, 100_000, 1 << 20)] long windowBytes)
    {
        LayersModel model = new(_folder, 6, 256);
        SessionOptions options = new() { ThreadCount = threads, KeptPanelBytes = 0 };
        byte[] expected = model.Run(_folder.Path, options);
        using PrefetchingProvider provider = new(windowBytes);
        PrefetchingReader reader;
        using (InferenceSession session = new(_folder.Path, options with { WeightsProvider = provider }))
        {
            for (int run = 1; run <= 3; run++)
            {
                Assert.That(model.Run(session), Is.EqualTo(expected), $"run {run}");
                Assert.That(provider.Last!.TimesRead, Has.All.EqualTo(run), "each range comes from the reader, once");
            }

            reader = provider.Last!;
            Assert.That(provider.Readers, Is.EqualTo(1));
            Assert.That(provider.Reads, Is.Zero, "nothing is needed beside the schedule");
            Assert.That(reader.Schedule.Sum(range => range.Length), Is.EqualTo(6 * 256 * 256 * sizeof(float)));
            Assert.That(reader.MostHeldBytes, Is.LessThanOrEqualTo(windowBytes));
            Assert.That(reader.IsDisposed, Is.False);
        }

        Assert.That(reader.IsDisposed, Is.True);
    }

    [Test]
    public void PanelsOfAStoreAreReadByTheLibrary([Values] bool half)
    {
        LayersModel model = new(_folder, 4, 256);
        string store = _folder["s.panels"];
        SessionOptions options = new() { ThreadCount = 1, PanelStore = PanelStoreOptions.File(store) with { ElementType = half ? ElementType.Float16 : ElementType.Float32 } };
        using PrefetchingProvider provider = new(1 << 20);
        byte[] made = model.Run(_folder.Path, options with { WeightsProvider = provider });
        int readers = provider.Readers;
        Assert.That(readers, Is.GreaterThan(1), "weights for panels come from the provider");
        byte[] kept = model.Run(_folder.Path, options with { WeightsProvider = provider });
        Assert.That(provider.Readers, Is.EqualTo(readers), "all is in the store");
        Assert.That(provider.Reads, Is.Zero);
        Assert.That(made, Is.EqualTo(kept));
        Assert.That(model.Run(_folder.Path, options), Is.EqualTo(kept), "the library's own provider uses the same store");
    }

    [Test]
    public void ABudgetLeavesTheReaderASmallerWindow()
    {
        LayersModel model = new(_folder, 4, 512);
        using PrefetchingProvider provider = new(4 << 20);
        SessionOptions options = new() { ThreadCount = 1, KeptPanelBytes = 0, WeightsProvider = provider };
        long smallest;
        byte[] expected;
        using (InferenceSession session = new(_folder.Path, options))
        {
            PlanSummary plan = session.Plan();
            smallest = plan.SmallestBudgetBytes;
            Assert.That(plan.PeakBytes, Is.EqualTo(smallest + (4 << 20)), "the window counts");
            expected = model.Run(session);
        }

        foreach (long window in (long[])[0, 1 << 20, 4 << 20, 8 << 20])
        {
            Assert.That(model.Run(_folder.Path, options with { MemoryBudget = smallest + window }), Is.EqualTo(expected));
            Assert.That(provider.Last!.MostHeldBytes, Is.LessThanOrEqualTo(window));
        }

        Assert.That(() => new InferenceSession(_folder.Path, options with { MemoryBudget = smallest - 1 }), Throws.TypeOf<MemoryBudgetException>());
    }

    [Test]
    public void AProviderThatLetsTheSystemReadAheadHoldsNothing([Values(1, 2)] int threads)
    {
        LayersModel model = new(_folder, 6, 256);
        SessionOptions options = new() { ThreadCount = threads, KeptPanelBytes = 0 };
        byte[] expected = model.Run(_folder.Path, options);
        using WeightsProvider prefetch = WeightsProvider.DiskPrefetch();
        using SystemPrefetchingProvider provider = new();
        using InferenceSession session = new(_folder.Path, options with { WeightsProvider = provider });
        using InferenceSession other = new(_folder.Path, options with { WeightsProvider = prefetch });
        Assert.That(session.Plan().PeakBytes, Is.EqualTo(other.Plan().PeakBytes), "as much memory as the library's own provider");
        for (int run = 1; run <= 3; run++)
        {
            Assert.That(model.Run(session), Is.EqualTo(expected), $"run {run}");
        }
    }
}
