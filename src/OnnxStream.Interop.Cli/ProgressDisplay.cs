using System.Diagnostics;
using Spectre.Console;

namespace OnnxStream.Interop.Cli;

/// <summary>Shows how far a piece of work is: a bar on a terminal, a few plain lines in a pipe, nothing when quiet.</summary>
internal static class ProgressDisplay
{
    /// <summary>Does <paramref name="work"/>, which calls what it is given with the fraction that is done, 0 to 1.</summary>
    /// <remarks>The calls may come from any thread, thousands of times.</remarks>
    public static T Show<T>(Terminal terminal, string description, Func<Action<double>, T> work)
    {
        if (terminal.IsQuiet)
        {
            return work(_ => { });
        }

        if (!terminal.IsErrorInteractive)
        {
            LineReporter lines = new(terminal, description);
            return work(lines.Report);
        }

        return terminal.CreateErrorConsole().Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .Start(progress =>
            {
                ProgressTask task = progress.AddTask(Markup.Escape(description), maxValue: 1);
                return work(fraction => task.Value = fraction);
            });
    }

    /// <summary>Reports quarters, and only of work that takes its time.</summary>
    private sealed class LineReporter(Terminal terminal, string description)
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
        private readonly Lock _lock = new();
        private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
        private int _quarter;

        public void Report(double fraction)
        {
            int quarter = (int)(fraction * 4);
            lock (_lock)
            {
                if (quarter <= _quarter || quarter > 3 || _sinceLine.Elapsed < Patience)
                {
                    return;
                }

                _quarter = quarter;
                _sinceLine.Restart();
            }

            terminal.Report($"{description}: {quarter * 25} %");
        }
    }
}
