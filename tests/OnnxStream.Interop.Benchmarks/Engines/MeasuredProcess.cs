using System.Diagnostics;
using System.Globalization;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>A process that has ended, and what it left.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">What it wrote to standard output.</param>
/// <param name="Error">What it wrote to standard error.</param>
/// <param name="PeakAnonymousBytes">The most memory that was its own and not pages of files, as far as samples saw it; null where the operating system does not tell.</param>
internal sealed record MeasuredProcess(int ExitCode, string Output, string Error, long? PeakAnonymousBytes)
{
    // Rare enough to cost nothing, frequent enough to see every layer that takes its time.
    private static readonly TimeSpan s_samplingInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>Runs a process to its end.</summary>
    public static MeasuredProcess Run(ProcessStartInfo start, CancellationToken cancellationToken)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        long peak = 0;
        try
        {
            while (!process.WaitForExit(s_samplingInterval))
            {
                cancellationToken.ThrowIfCancellationRequested();
                peak = Math.Max(peak, AnonymousBytes(process.Id));
            }
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        process.WaitForExit();
        return new MeasuredProcess(process.ExitCode, output.Result, error.Result, peak > 0 ? peak : null);
    }

    private static long AnonymousBytes(int processId)
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        try
        {
            const string Field = "RssAnon:";
            string? line = File.ReadLines($"/proc/{processId}/status").FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan(Field.Length).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture) * 1024;
        }
        catch (IOException)
        {
            // It ended between two samples.
            return 0;
        }
    }
}
