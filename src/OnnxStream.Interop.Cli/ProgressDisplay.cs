using System.Diagnostics;
using Spectre.Console;

namespace OnnxStream.Interop.Cli;

/// <summary>Shows how far a piece of work is: a bar on a terminal, a few plain lines in a pipe, nothing when quiet.</summary>
internal static class ProgressDisplay
{
    /// <summary>Receives what is being done and the fraction of it that is done, 0 to 1; from any thread, thousands of times.</summary>
    internal delegate void Reporter(string activity, double fraction);

    /// <summary>Does <paramref name="work"/>, which reports to what it is given.</summary>
    public static T Show<T>(Terminal terminal, Func<Reporter, T> work)
    {
        if (terminal.IsQuiet)
        {
            return work((_, _) => { });
        }

        if (!terminal.IsErrorInteractive)
        {
            return work(new LineReporter(terminal).Report);
        }

        return terminal.ErrorConsole.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .Start(progress =>
            {
                ProgressTask task = progress.AddTask("…", maxValue: 1);
                return work((activity, fraction) =>
                {
                    task.Description = Markup.Escape(activity);
                    task.Value = fraction;
                });
            });
    }

    /// <summary>Reports quarters, and only of work that takes its time.</summary>
    private sealed class LineReporter(Terminal terminal)
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
        private readonly Lock _lock = new();
        private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
        private string _activity = "";
        private int _quarter;

        public void Report(string activity, double fraction)
        {
            int quarter = (int)(fraction * 4);
            lock (_lock)
            {
                if (activity != _activity)
                {
                    _activity = activity;
                    _quarter = 0;
                }

                if (quarter <= _quarter || quarter > 3 || _sinceLine.Elapsed < Patience)
                {
                    return;
                }

                _quarter = quarter;
                _sinceLine.Restart();
                terminal.Report($"{activity}: {quarter * 25} %");
            }
        }
    }
}
