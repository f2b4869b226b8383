using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using OnnxStream.Interop.Fuzzing.Targets;

namespace OnnxStream.Interop.Fuzzing;

/// <summary>Has files tried by a process of its own (<see cref="Worker"/>), which it watches, and starts another where one dies or hangs.</summary>
/// <param name="target">What is mutated; null for everything, by the share of each.</param>
/// <param name="limit">How long a file may take; one that can be cancelled is, after a tenth of it.</param>
internal sealed class Fuzzer(FuzzTarget? target, TimeSpan limit)
{
    // What a file may make .NET's heap grow to: more is an OutOfMemoryException, which is a failure.
    private const long HeapLimit = 1L << 30;

    // Loading what is mutated, and machines that do other things as well.
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(2);

    private readonly FuzzReport _report = new();

    /// <summary>Called with each failure when it is found.</summary>
    public Action<Failure>? Failed { get; init; }

    /// <summary>Called after each file.</summary>
    public Action<FuzzReport>? Progress { get; init; }

    /// <summary>Tries files.</summary>
    /// <param name="firstSeed">The seed of the first; the others follow.</param>
    /// <param name="count">How many.</param>
    /// <param name="cancellationToken">Ends early, with the report of what was tried.</param>
    public FuzzReport Run(int firstSeed, int count, CancellationToken cancellationToken)
    {
        int next = firstSeed;
        while (next < firstSeed + count && !cancellationToken.IsCancellationRequested)
        {
            next = RunWorker(next, firstSeed + count - next, cancellationToken);
        }

        return _report;
    }

    // Returns the first seed that was not tried.
    private int RunWorker(int firstSeed, int count, CancellationToken cancellationToken)
    {
        using Process process = Start(firstSeed, count);
        using BlockingCollection<string?> lines = [];
        StringBuilder errors = new();
        process.OutputDataReceived += (_, line) => lines.Add(line.Data);
        process.ErrorDataReceived += (_, line) => errors.AppendLine(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        int seed = firstSeed - 1;
        string name = "";
        bool isTrying = false;
        try
        {
            while (true)
            {
                // Half as much again: the worker finds out itself what took too long and came to an end.
                if (!lines.TryTake(out string? line, (int)(isTrying ? limit * 1.5 : s_startLimit).TotalMilliseconds, cancellationToken))
                {
                    if (!isTrying)
                    {
                        throw new TimeoutException($"The process that tries files did not start within {s_startLimit.TotalSeconds:F0} s.");
                    }

                    Fail(new Failure(name, seed, $"it hangs: nothing came back within {limit.TotalSeconds * 1.5:F0} s"));
                    return seed + 1;
                }

                if (line is null)
                {
                    process.WaitForExit();
                    if (isTrying)
                    {
                        Fail(new Failure(name, seed, $"the process died with exit code {process.ExitCode}: {errors}"));
                    }
                    else if (process.ExitCode != 0)
                    {
                        throw new InvalidOperationException($"The process that tries files ended with exit code {process.ExitCode}: {errors}");
                    }

                    return seed + 1;
                }

                isTrying = Read(line, isTrying, ref seed, ref name);
            }
        }
        catch (OperationCanceledException)
        {
            return isTrying ? seed : seed + 1;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
            }
        }
    }

    private bool Read(string line, bool wasTrying, ref int seed, ref string name)
    {
        string[] words = line.Split(' ', 3);
        if (words[0] == "try")
        {
            seed = int.Parse(words[1]);
            name = words[2];
            return true;
        }

        if (words[0] == "failed")
        {
            Fail(new Failure(name, seed, line["failed ".Length..].Replace("\\n", "\n", StringComparison.Ordinal)));
        }
        else if (Enum.TryParse(words[0], ignoreCase: true, out Outcome outcome))
        {
            _report.Add(name, outcome);
        }
        else
        {
            // Something else that was written to the worker's output.
            return wasTrying;
        }

        Progress?.Invoke(_report);
        return false;
    }

    private void Fail(Failure failure)
    {
        _report.Add(failure);
        Failed?.Invoke(failure);
    }

    private Process Start(int firstSeed, int count)
    {
        ProcessStartInfo start = new("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(typeof(Fuzzer).Assembly.Location);
        start.ArgumentList.Add(Program.WorkerVerb);
        foreach (string argument in (string[])["--seed", $"{firstSeed}", "--files", $"{count}", "--limit", $"{limit.TotalSeconds}", .. target is null ? Array.Empty<string>() : ["--target", target.Name]])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_GCHeapHardLimit"] = $"0x{HeapLimit:X}";
        return Process.Start(start)!;
    }
}
