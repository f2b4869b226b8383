using System.Diagnostics;

namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary>A process that goes on until it is ended: a server, a worker, a queue.</summary>
internal sealed class ServingProcess : IDisposable
{
    private readonly List<string> _lines = [];
    private readonly Process _process;

    /// <summary>Starts one.</summary>
    public ServingProcess(string program, IEnumerable<string> arguments)
    {
        _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }) ?? throw new IOException($"{program} did not start.");
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.ErrorDataReceived += (_, line) => Add(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>What it holds now.</summary>
    public ProcessFigures Figures => ProcessFigures.Of(_process.Id);

    /// <summary>The lines that it said so far that have this text.</summary>
    public IReadOnlyList<string> Lines(string text)
    {
        lock (_lines)
        {
            return [.. _lines.Where(line => line.Contains(text, StringComparison.Ordinal))];
        }
    }

    /// <summary>Waits until it says something.</summary>
    /// <exception cref="IOException">It ended before, or did not say it for a minute.</exception>
    public async Task<string> WaitForAsync(string text, CancellationToken cancellationToken)
    {
        for (long end = Environment.TickCount64 + 60_000; ; await Task.Delay(20, cancellationToken))
        {
            if (Lines(text) is [string line, ..])
            {
                return line;
            }

            if (_process.HasExited || Environment.TickCount64 > end)
            {
                throw new IOException($"'{text}' was not said: {string.Join('\n', Lines(""))}");
            }
        }
    }

    /// <summary>Ends it at once, as a power failure does.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_lines)
            {
                _lines.Add(line);
            }
        }
    }
}
