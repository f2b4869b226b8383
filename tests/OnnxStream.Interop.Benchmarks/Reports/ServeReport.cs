using System.Text;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Serving;

namespace OnnxStream.Interop.Benchmarks.Reports;

/// <summary>Writes what serving costs: a page with a table of one server and one of a fleet.</summary>
/// <param name="Machine">What was measured on.</param>
/// <param name="Options">What was measured.</param>
/// <param name="Command">The command that did it.</param>
/// <param name="Server">One server; null where it was left out.</param>
/// <param name="Fleet">A fleet; null where it was left out.</param>
internal sealed record ServeReport(Machine Machine, ServeOptions Options, string Command, ServerResults? Server, FleetResults? Fleet)
{
    private const double MebiByte = 1 << 20;

    /// <summary>Writes the page.</summary>
    /// <param name="folder">Where it goes.</param>
    /// <returns>Its path.</returns>
    public string Write(string folder)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, "serve.md");
        File.WriteAllText(path, ToMarkdown());
        return path;
    }

    /// <summary>The page.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        void Line(string line = "") => text.Append(line).Append('\n');

        Line("# Benchmarks: serving");
        Line();
        Line("| | |");
        Line("|---|---|");
        Line($"| processor | {Machine.Processor}, {Machine.Cores} logical cores |");
        Line($"| system | {Machine.OperatingSystem} |");
        Line($"| library | {Machine.Library} |");
        Line(FormattableString.Invariant($"| load before | {Machine.Load ?? 0:0.0} processes computing on average (five minutes) |"));
        Line($"| command | `{Command}` |");
        Line();
        Line("Requests go to loopback. The model that draws is the demo model (64x64 pixels), the language model a tiny decoder with random weights; one thread computes for each job.");
        if (Server is { } server)
        {
            Line();
            Line("## One server");
            Line();
            Line("| | measured | asked |");
            Line("|---|---|---|");
            double[] pictures = [.. server.Pictures.Select(pair => (pair.Server / pair.Command) - 1)], tokens = [.. server.Tokens.Select(pair => (pair.Server - pair.Command) * 1000)];
            Line(FormattableString.Invariant($"| idle: processor time in 10 s | {server.IdleTime.TotalMilliseconds:0} ms | none |"));
            Line(FormattableString.Invariant($"| idle: resident memory | {server.Idle.ResidentBytes / MebiByte:0.0} MiB | at most 60 MiB |"));
            Line(FormattableString.Invariant($"| a picture of {ServeOptions.Steps} steps, over the command | {pictures.Median() * 100:+0.0;-0.0} % ({pictures.Min() * 100:+0.0;-0.0} to {pictures.Max() * 100:+0.0;-0.0}) of {server.Pictures.Select(pair => pair.Command).ToArray().Median() * 1000:0} ms | at most 2 % |"));
            Line(FormattableString.Invariant($"| a token, over the command | {tokens.Median():+0.00;-0.00} ms ({tokens.Min():+0.00;-0.00} to {tokens.Max():+0.00;-0.00}) | at most 1 ms |"));
            Line(FormattableString.Invariant($"| {ServeOptions.Simultaneous} requests at once, two of {server.PlannedBytes / MebiByte:0.0} MiB at a time | {string.Join(", ", server.Statuses.OrderBy(status => status.Key).Select(status => $"{status.Value} times {status.Key}"))}; {server.WithoutRetryAfter} refusals without Retry-After | 200, 429 and 503 alone, none without |"));
            Line(FormattableString.Invariant($"| most resident memory meanwhile | {server.Flooded.PeakBytes / MebiByte:0.0} MiB | at most {ServeOptions.BudgetMib} MiB |"));
            (ProcessFigures before, ProcessFigures after) = server.Repeated;
            Line(FormattableString.Invariant($"| behind {Options.Requests:N0} more requests: resident memory | {before.ResidentBytes / MebiByte:0.0}, then {after.ResidentBytes / MebiByte:0.0} MiB | the same |"));
            Line($"| threads | {before.Threads}, then {after.Threads} | the same |");
            Line($"| open files and sockets | {before.Handles}, then {after.Handles} | the same |");
            Line();
            Line($"Overheads are medians of {Options.Rounds} rounds (least to most), in which the command and the server take turns. A picture is a fourth of four: of the command, the time without loading; of the server, the whole request. "
                + $"A token is the least of five times {ServeOptions.Tokens}, by `bench-llm` and in a stream of events. Of the many requests, eight of ten draw with one step, one is refused, and one client goes away in the middle.");
        }

        if (Fleet is { } fleet)
        {
            Line();
            Line("## A fleet");
            Line();
            Line($"A server, {ServeOptions.Workers} workers and three servers of the queue that store everything three times, all on this machine; a lease of 2 seconds.");
            Line();
            Line("| | |");
            Line("|---|---|");
            Line(FormattableString.Invariant($"| a job of one step, by a server alone | {fleet.DirectS * 1000:0.0} ms |"));
            Line(FormattableString.Invariant($"| the same through the queue | {fleet.QueuedS * 1000:0.0} ms: {(fleet.QueuedS - fleet.DirectS) * 1000:+0.0;-0.0} ms |"));
            foreach (CalmResults calm in fleet.Calm)
            {
                Line(FormattableString.Invariant($"| {calm.Jobs} jobs of {calm.Steps} steps | {calm.Jobs / calm.Elapsed.TotalSeconds:0.00} a second; processor time of each: {calm.Workers.TotalMilliseconds / calm.Jobs:0.0} ms of workers, {calm.Queue.TotalMilliseconds / calm.Jobs:0.0} ms of the queue's three servers, {calm.Server.TotalMilliseconds / calm.Jobs:0.0} ms of the server |"));
            }

            Line($"| {Options.Jobs} jobs of {ServeOptions.Steps} steps while {fleet.KilledWorkers} workers and {fleet.KilledServers} servers of the queue are killed (seed {Options.Seed}) | {string.Join(", ", fleet.States.OrderBy(state => state.Key, StringComparer.Ordinal).Select(state => $"{state.Value} {state.Key}"))} |");
            Line(FormattableString.Invariant($"| time | {fleet.Elapsed.TotalSeconds:0.0} s: {Options.Jobs / fleet.Elapsed.TotalSeconds:0.00} jobs a second |"));
            Line($"| attempts; results that came second and were thrown away; given up | {fleet.Attempts}; {fleet.Late}; {fleet.Dead} |");
            foreach (string error in fleet.Errors)
            {
                Line($"| failed | {error.Replace("|", "\\|", StringComparison.Ordinal)} |");
            }
        }

        return text.ToString();
    }
}
