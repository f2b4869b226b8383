using System.Diagnostics;
using OnnxStream.Interop.Fuzzing.Targets;

namespace OnnxStream.Interop.Fuzzing;

/// <summary>The process that tries files, one after another. It says on its output which one before it tries it.</summary>
/// <remarks>
/// A line each: <c>try SEED TARGET</c>, then <c>ran</c>, <c>stopped</c>, or <c>refused</c> or <c>failed</c> and why. The process
/// that reads them (<see cref="Fuzzer"/>) knows from the last line which file killed or hung this one.
/// </remarks>
internal sealed class Worker(FuzzTarget? target, TimeSpan limit, TextWriter output)
{
    // Of threads on Windows, and of some on Linux: recursion that follows a file must end before it.
    private const int StackBytes = 1 << 20;

    // A file of some kilobytes may not cost more than this, managed and native.
    private const long AbsurdBytes = 1L << 30;

    // Files between two looks at what the process has come to hold, and what it may have grown by since the first.
    private const int GrowthInterval = 2000;
    private const long GrowthLimit = 96 << 20;

    private readonly TimeSpan _runLimit = limit / 10;
    private readonly Process _process = Process.GetCurrentProcess();
    private int _tried;

    // Memory that is lost, or high water, would be found again in every file that follows.
    private bool _isSpoilt;
    private long _firstManagedBytes;
    private long _firstResidentBytes;

    /// <summary>Tries files; ends early after one that leaves the process in a bad state.</summary>
    /// <param name="firstSeed">The seed of the first file.</param>
    /// <param name="count">How many files.</param>
    /// <param name="keptFolder">Where the file that is tried last is left; null to leave none.</param>
    public void Run(int firstSeed, int count, string? keptFolder)
    {
        Thread thread = new(() => TryAll(firstSeed, count, keptFolder), StackBytes);
        thread.Start();
        thread.Join();
    }

    private void TryAll(int firstSeed, int count, string? keptFolder)
    {
        string folder = Directory.CreateTempSubdirectory("onnxstream-fuzzing-").FullName;
        try
        {
            for (int seed = firstSeed; seed < firstSeed + count; seed++)
            {
                FuzzTarget tried = target ?? FuzzTargets.Of(seed);
                tried.Prepare();
                Say($"try {seed} {tried.Name}");
                string work = keptFolder is null ? Directory.CreateDirectory(Path.Combine(folder, "work")).FullName : Directory.CreateDirectory(keptFolder).FullName;
                (Outcome outcome, string? reason) = Try(tried, seed, work);
                if (keptFolder is null)
                {
                    Directory.Delete(work, recursive: true);
                }

                Say($"{outcome.ToString().ToLowerInvariant()} {reason?.ReplaceLineEndings("\\n")}");
                if (_isSpoilt)
                {
                    return;
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private (Outcome Outcome, string? Reason) Try(FuzzTarget tried, int seed, string folder)
    {
        long live = MemoryDiagnostics.LiveBytes;
        long allocated = GC.GetTotalAllocatedBytes();
        long start = Stopwatch.GetTimestamp();
        Outcome outcome = Outcome.Ran;
        string? refusal = null;
        try
        {
            using CancellationTokenSource source = new(_runLimit);
            tried.Try(new Random(seed), folder, source.Token);
        }
        catch (OnnxStreamException exception)
        {
            (outcome, refusal) = (Outcome.Refused, exception.Message);
        }
        catch (OperationCanceledException)
        {
            outcome = Outcome.Stopped;
        }
        catch (Exception exception)
        {
            _isSpoilt = exception is OutOfMemoryException || MemoryDiagnostics.LiveBytes != live;
            return (Outcome.Failed, exception.ToString());
        }

        string? problem = Problem(outcome, start, live, allocated);
        _isSpoilt = problem is not null;
        return problem is null ? (outcome, refusal) : (Outcome.Failed, problem);
    }

    private string? Problem(Outcome outcome, long start, long live, long allocated)
    {
        TimeSpan duration = Stopwatch.GetElapsedTime(start);
        if (duration > limit)
        {
            return $"it took {duration.TotalSeconds:F1} s, and was told to stop after {_runLimit.TotalSeconds:F1} s";
        }

        if (MemoryDiagnostics.LiveBytes != live)
        {
            return $"{MemoryDiagnostics.LiveBytes - live:N0} bytes of native memory were left behind";
        }

        // What runs until it is told to stop may allocate as long as it does not keep it.
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        if (outcome != Outcome.Stopped && allocated > AbsurdBytes)
        {
            return $"{allocated:N0} bytes of managed memory were allocated";
        }

        _process.Refresh();
        if (_process.PeakWorkingSet64 > AbsurdBytes)
        {
            return $"the process came to hold {_process.PeakWorkingSet64:N0} bytes";
        }

        return Growth();
    }

    private string? Growth()
    {
        if (++_tried % GrowthInterval != 0)
        {
            return null;
        }

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        long managed = GC.GetTotalMemory(forceFullCollection: true);
        _process.Refresh();
        long resident = _process.WorkingSet64;
        if (_firstManagedBytes == 0)
        {
            (_firstManagedBytes, _firstResidentBytes) = (managed, resident);
        }

        return managed - _firstManagedBytes > GrowthLimit || resident - _firstResidentBytes > GrowthLimit
            ? $"after {_tried:N0} files the process holds {managed:N0} bytes of managed memory ({_firstManagedBytes:N0} after {GrowthInterval:N0} files) and {resident:N0} in all ({_firstResidentBytes:N0})"
            : null;
    }

    private void Say(string line)
    {
        output.WriteLine(line);
        output.Flush();
    }
}
