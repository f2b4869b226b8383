using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using OnnxStream.Interop.Benchmarks.Engines;

namespace OnnxStream.Interop.Benchmarks.Operators;

/// <summary>Measures single nodes with both engines, which take turns in this process.</summary>
/// <remarks>Only computing counts. Around it, inputs and outputs are copied for both, so that the caches hold alike.</remarks>
/// <param name="rounds">How many times each engine has its turn.</param>
/// <param name="threads">Threads that compute.</param>
internal sealed class OperatorComparison(int rounds, int threads)
{
    private const int MostRuns = 20;

    // About how long a turn is, and how long both run before the first one, until nothing is compiled any more.
    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(150);

    // ONNX Runtime's threads go on looking for work for a while (a million rounds, about 20 ms), and take a processor from whoever computes then. Threads of
    // this process that take less than a part of a pause are none of those.
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(4);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(200);
    private const int BusyPart = 4;

    /// <summary>Measures a node.</summary>
    public OperatorResult Measure(OperatorCase operatorCase, CancellationToken cancellationToken)
    {
        string path = Path.GetTempFileName();
        try
        {
            (byte[] model, Dictionary<string, TensorBuffer> inputs) = operatorCase.Build();
            File.WriteAllBytes(path, model);
            using OnnxRuntimeSession baseline = new(path, threads, OnnxRuntimeMode.Default, inputs);
            using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads });
            Func<(double, double)> runBaseline = () => RunBaseline(baseline, inputs);
            Func<(double, double)> runOwn = () => RunOwn(session, inputs);
            Repeat(runBaseline, s_warmUp, int.MaxValue);
            WaitForThreads();
            Repeat(runOwn, s_warmUp, int.MaxValue);
            List<OperatorTurn> turns = [];
            for (int round = 0; round < rounds; round++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                (double baselineS, _) = Repeat(runBaseline, s_turn, MostRuns);
                WaitForThreads();
                (double stepsS, double runS) = Repeat(runOwn, s_turn, MostRuns);
                turns.Add(new OperatorTurn(baselineS, stepsS, runS));
            }

            return new OperatorResult(operatorCase, turns, null);
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or OnnxStreamException)
        {
            return new OperatorResult(operatorCase, [], $"{(exception is OnnxRuntimeException ? "ONNX Runtime" : "this library")}: {exception.Message.Split('\n')[0]}");
        }
        finally
        {
            File.Delete(path);
        }
    }

    // Until no thread of the process computes any more.
    private static void WaitForThreads()
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan computed = Environment.CpuUsage.TotalTime;
        bool isBusy = true;
        while (isBusy && Stopwatch.GetElapsedTime(start) < s_longestPause)
        {
            Thread.Sleep(s_pause);
            TimeSpan now = Environment.CpuUsage.TotalTime;
            isBusy = now - computed > s_pause / BusyPart;
            computed = now;
        }
    }

    // The least of both numbers among some runs.
    private static (double, double) Repeat(Func<(double First, double Second)> run, TimeSpan duration, int mostRuns)
    {
        long start = Stopwatch.GetTimestamp();
        (double first, double second) = run();
        for (int i = 1; i < mostRuns && Stopwatch.GetElapsedTime(start) < duration; i++)
        {
            (double First, double Second) next = run();
            (first, second) = (Math.Min(first, next.First), Math.Min(second, next.Second));
        }

        return (first, second);
    }

    private static (double, double) RunBaseline(OnnxRuntimeSession session, Dictionary<string, TensorBuffer> inputs)
    {
        double seconds = session.Measure(inputs);
        return (seconds, seconds);
    }

    private static (double, double) RunOwn(InferenceSession session, Dictionary<string, TensorBuffer> inputs)
    {
        RunTrace trace = new();
        long start = Stopwatch.GetTimestamp();
        session.Run(inputs, new RunOptions { Trace = trace });
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (trace.Steps.Sum(step => step.Duration.TotalSeconds), seconds);
    }
}
