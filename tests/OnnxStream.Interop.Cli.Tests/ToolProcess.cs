using System.Diagnostics;

namespace OnnxStream.Interop.Cli.Tests;

/// <summary>The tool in a process of its own.</summary>
internal sealed class ToolProcess : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly List<string> _errors = [];
    private readonly Task _reading;

    private ToolProcess(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _reading = Task.Run(() =>
        {
            while (process.StandardError.ReadLine() is { } line)
            {
                lock (_errors)
                {
                    _errors.Add(line);
                    Monitor.PulseAll(_errors);
                }
            }
        });
    }

    /// <summary>The lines on standard error so far.</summary>
    public string Error
    {
        get
        {
            lock (_errors)
            {
                return string.Join('\n', _errors);
            }
        }
    }

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Starts the tool.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="wrapper">A program and its arguments that starts it; none to start it directly.</param>
    /// <param name="environment">Variables of its environment; null removes one.</param>
    public static ToolProcess Start(string[] arguments, string[]? wrapper = null, IReadOnlyDictionary<string, string?>? environment = null)
    {
        string host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

        // A shell starts programs in the background with SIGINT ignored, which is inherited: the tool would ignore it as well, as it should.
        string[] listening = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT"] : [];
        string[] command = [.. wrapper ?? [], .. listening, host, typeof(CommandLine).Assembly.Location, .. arguments];
        ProcessStartInfo start = new(command[0], command[1..])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        foreach ((string name, string? value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment.Remove(name);
            if (value is not null)
            {
                start.Environment[name] = value;
            }
        }

        return new ToolProcess(Process.Start(start)!);
    }

    /// <summary>Runs the tool to its end.</summary>
    public static Invocation Run(string[] arguments, string[]? wrapper = null, IReadOnlyDictionary<string, string?>? environment = null)
    {
        using ToolProcess tool = Start(arguments, wrapper, environment);
        return tool.WaitForEnd();
    }

    /// <summary>Waits for a line on standard error that contains a text.</summary>
    public void WaitFor(string text)
    {
        lock (_errors)
        {
            long start = Stopwatch.GetTimestamp();
            while (!_errors.Exists(line => line.Contains(text, StringComparison.Ordinal)))
            {
                bool isLate = Stopwatch.GetElapsedTime(start) > s_limit || _reading.IsCompleted;
                Assert.That(isLate, Is.False, $"'{text}' has not come: {string.Join('\n', _errors)}");
                Monitor.Wait(_errors, 50);
            }
        }
    }

    /// <summary>Sends a signal.</summary>
    /// <param name="signal">Its name, such as INT.</param>
    public void Send(string signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits for the end.</summary>
    public Invocation WaitForEnd()
    {
        bool ended = _process.WaitForExit(s_limit);
        if (!ended)
        {
            _process.Kill(entireProcessTree: true);
        }

        Assert.That(ended, Is.True, $"a hang: {Error}");
        _reading.Wait();
        return new Invocation(_process.ExitCode, _output.Result, Error);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }
}
