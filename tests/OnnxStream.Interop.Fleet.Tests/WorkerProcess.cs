using System.Diagnostics;

namespace OnnxStream.Interop.Fleet.Tests;

/// <summary>The tool as a worker, in a process of its own.</summary>
internal sealed class WorkerProcess : IDisposable
{
    private readonly Process _process;

    private WorkerProcess(Process process, string name)
    {
        _process = process;
        Name = name;
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Its name in the fleet.</summary>
    public string Name { get; }

    /// <summary>What it said.</summary>
    public List<string> Lines { get; } = [];

    /// <summary>Starts one.</summary>
    public static WorkerProcess Start(string url, string name, params string[] more) => new(Launch(["work", "--queue", url, "--models", FleetServer.Models, "--name", name, "--threads", "1", "--lease", "2", "--attempts", "20", .. more]), name);

    /// <summary>Starts the tool with any arguments.</summary>
    public static WorkerProcess Start((string Name, string Value)[] environment, string[] arguments) => new(Launch(arguments, environment), "");

    /// <summary>Runs the tool to its end.</summary>
    public static (int ExitCode, string Output) Run(string[] arguments, params (string Name, string Value)[] environment)
    {
        using Process process = Launch(arguments, environment);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.That(process.WaitForExit(TimeSpan.FromMinutes(2)), Is.True, "a hang");
        return (process.ExitCode, output.Result + error.Result);
    }

    /// <summary>Ends it at once, as a power failure does.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Asks it to end, and waits for that.</summary>
    public int Terminate()
    {
        using Process kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        kill.WaitForExit();
        Assert.That(_process.WaitForExit(TimeSpan.FromMinutes(1)), Is.True, "a hang");
        return _process.ExitCode;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private static Process Launch(string[] arguments, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [Path.Combine(TestContext.CurrentContext.TestDirectory, "onnxstream.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (Lines)
            {
                Lines.Add(line);
            }
        }
    }
}
