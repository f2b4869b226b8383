using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

public class ReadAheadTests
{
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(30);

    private static readonly FileSource s_source = new("file");

    private readonly List<int> _fetched = [];

    [SetUp]
    public void Forget() => _fetched.Clear();

    [Test]
    public void FetchesUpToTheWindow()
    {
        using ReadAhead ahead = Start(window: 100, 40, 40, 20, 30, 200, 10);
        Assert.That(_fetched, Is.Empty, "nothing before a run");
        ahead.Begin();
        AssertFetched(0, 1, 2);
        ahead.Used(0);
        AssertFetched(0, 1, 2);
        ahead.Released(0);

        // Not before half of the window is free: waking costs those that compute.
        AssertFetched(0, 1, 2);
        ahead.Used(1);
        ahead.Released(1);
        AssertFetched(0, 1, 2, 3);
        ahead.Used(2);
        ahead.Released(2);
        AssertFetched(0, 1, 2, 3);
        ahead.Used(3);
        ahead.Released(3);

        // Larger than the window: alone.
        AssertFetched(0, 1, 2, 3, 4);
        ahead.Used(4);
        AssertFetched(0, 1, 2, 3, 4);
        ahead.Released(4);
        AssertFetched(0, 1, 2, 3, 4, 5);
        ahead.End();
    }

    [Test]
    public void WhereTheSystemRefusesAThreadNothingIsReadAhead()
    {
        ReadAhead.RefusesThreads = true;
        try
        {
            using (ReadAhead ahead = Start(window: 100, 40, 40))
            {
                Assert.That(ahead.HasThread, Is.False);
                for (int run = 0; run < 2; run++)
                {
                    ahead.Begin();
                    ahead.Used(0);
                    ahead.Released(0);
                    ahead.Used(1);
                    ahead.Released(1);
                    ahead.End();
                }
            }

            Assert.That(_fetched, Is.Empty);
            using TemporaryFolder folder = new();
            using FileProvider provider = new(1 << 20);
            using InferenceSession session = new(SmallModel.Write(folder), new SessionOptions { WeightsProvider = provider, KeptPanelBytes = 0 });
            SmallModel.Check(session.Run(SmallModel.Inputs), "without a thread");
            SmallModel.Check(session.Run(SmallModel.Inputs), "once more");
        }
        finally
        {
            ReadAhead.RefusesThreads = false;
        }
    }

    [Test]
    public void WhatThrowsIsLeftToThoseWhoUseIt()
    {
        int calls = 0;
        using ReadAhead ahead = new([new WeightRange("a", s_source, 0, 10), new WeightRange("b", s_source, 10, 10)], 100, _ =>
        {
            Interlocked.Increment(ref calls);
            throw new InvalidTimeZoneException("in the thread");
        });
        for (int run = 1; run <= 3; run++)
        {
            ahead.Begin();
            Assert.That(() => calls, Is.EqualTo(run).After(5_000, 5), "one in each run");
            ahead.Used(0);
            ahead.Released(0);
            ahead.Used(1);
            ahead.Released(1);
            ahead.End();
        }
    }

    [Test]
    public void GoesOnBehindWhatIsUsedAlready()
    {
        using ReadAhead ahead = Start(window: 50, 40, 40, 40, 5, 5);
        ahead.Begin();
        AssertFetched(0);
        ahead.Used(0);
        ahead.Used(1);
        ahead.Used(2);
        AssertFetched(0);
        ahead.Released(0);
        ahead.Released(1);
        AssertFetched(0);
        ahead.Released(2);
        AssertFetched(0, 3, 4);
        ahead.End();
    }

    [Test]
    public void TheWindowFollows()
    {
        long most = 160;
        using ReadAhead ahead = Start(window: 50, () => most, [.. Enumerable.Repeat(40L, 10)]);
        ahead.Begin();
        AssertFetched(0);
        ahead.Widen();
        Assert.That(ahead.WindowBytes, Is.EqualTo(100));
        AssertFetched(0, 1);
        ahead.Widen();
        Assert.That(ahead.WindowBytes, Is.EqualTo(160), "no more than there is");
        AssertFetched(0, 1, 2, 3);
        ahead.Narrow();
        Assert.That(ahead.WindowBytes, Is.EqualTo(80));
        ahead.Used(0);
        ahead.Used(1);
        ahead.Released(0);
        ahead.Released(1);
        AssertFetched(0, 1, 2, 3);
        ahead.End();

        // What was learned stays.
        Assert.That(ahead.WindowBytes, Is.EqualTo(80));
        ahead.Narrow();
        Assert.That(ahead.WindowBytes, Is.EqualTo(50), "never less than it began with");
        most = 20;
        ahead.Widen();
        Assert.That(ahead.WindowBytes, Is.EqualTo(50));
    }

    [Test]
    public void AWindowThatIsCountedStays()
    {
        using ReadAhead ahead = Start(window: 50, 40, 40);
        ahead.Begin();
        ahead.Widen();
        Assert.That(ahead.WindowBytes, Is.EqualTo(50));
        AssertFetched(0);
        ahead.End();
    }

    [Test]
    public void SaysWhatHadBeenFetched()
    {
        using ReadAhead ahead = Start(window: 50, 40, 40);
        ahead.Begin();
        AssertFetched(0);
        Assert.That(ahead.Used(0), Is.True);
        Assert.That(ahead.Used(1), Is.False);
        ahead.End();
    }

    [Test]
    public void StartsOverWithEveryRun()
    {
        using ReadAhead ahead = Start(window: 100, 40, 40, 40);
        for (int run = 0; run < 3; run++)
        {
            _fetched.Clear();
            ahead.Begin();
            AssertFetched(0, 1);
            if (run == 1)
            {
                ahead.Used(0);
                ahead.Released(0);
                AssertFetched(0, 1, 2);
            }

            ahead.End();
            ahead.Released(1);
            AssertFetched([.. _fetched]);
        }
    }

    [Test]
    public void NeverHoldsMoreThanTheWindow([Values(1, 50, 300, 5000)] long window, [Values(1, 4)] int usedTogether)
    {
        Random random = new(1);
        long[] lengths = [.. Enumerable.Range(0, 400).Select(_ => (long)random.Next(1, 120))];
        bool[] isHeld = new bool[lengths.Length];
        bool[] isUsed = new bool[lengths.Length];
        object gate = new();
        string? problem = null;
        WeightRange[] schedule = [.. lengths.Select((length, i) => new WeightRange($"{i}", s_source, 0, length))];
        using ReadAhead ahead = new(schedule, window, index =>
        {
            lock (gate)
            {
                isHeld[index] = true;
                long held = 0;
                int ranges = 0;
                for (int i = 0; i < lengths.Length; i++)
                {
                    held += isHeld[i] ? lengths[i] : 0;
                    ranges += isHeld[i] ? 1 : 0;
                }

                if (held > window && ranges > 1 && !isUsed[index])
                {
                    problem ??= $"{held} bytes in {ranges} ranges when {index} was fetched";
                }
            }
        });
        ahead.Begin();
        for (int first = 0; first < lengths.Length; first += usedTogether)
        {
            for (int i = first; i < first + usedTogether; i++)
            {
                lock (gate)
                {
                    isUsed[i] = isHeld[i] = true;
                }

                ahead.Used(i);
            }

            for (int i = first; i < first + usedTogether; i++)
            {
                lock (gate)
                {
                    isHeld[i] = false;
                }

                ahead.Released(i);
            }
        }

        ahead.End();
        Assert.That(problem, Is.Null);
    }

    [Test]
    public void EndWaitsForTheFetchThatIsUnderWay()
    {
        using ManualResetEventSlim started = new();
        using ManualResetEventSlim go = new();
        bool done = false;
        using ReadAhead ahead = new([new WeightRange("a", s_source, 0, 10)], 100, _ =>
        {
            started.Set();
            go.Wait();
            Thread.Sleep(20);
            Volatile.Write(ref done, true);
        });
        ahead.Begin();
        started.Wait();
        go.Set();
        ahead.End();
        Assert.That(Volatile.Read(ref done));
    }

    [Test]
    public void DisposingStopsTheThread()
    {
        ReadAhead ahead = Start(window: 100, 40, 40, 40);
        ahead.Begin();
        AssertFetched(0, 1);
        ahead.Dispose();
        ahead.Released(0);
        AssertFetched(0, 1);
    }

    private ReadAhead Start(long window, params long[] lengths) => Start(window, null, lengths);

    private ReadAhead Start(long window, Func<long>? most, long[] lengths) => new(
        [.. lengths.Select((length, i) => new WeightRange($"{i}", s_source, 0, length))],
        window,
        index =>
        {
            lock (_fetched)
            {
                _fetched.Add(index);
            }
        },
        most);

    private void AssertFetched(params int[] expected)
    {
        Assert.That(() => Fetched(), Is.EqualTo(expected).After(2000, 1));
        Thread.Sleep(s_settle);
        Assert.That(Fetched(), Is.EqualTo(expected), "nothing more comes");
    }

    private int[] Fetched()
    {
        lock (_fetched)
        {
            return [.. _fetched];
        }
    }
}
