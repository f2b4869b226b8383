using System.Diagnostics;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Build;

/// <summary>Runs other programs.</summary>
internal static class ExternalProgram
{
    /// <summary>The <c>dotnet</c> that runs this program.</summary>
    public static string Dotnet { get; } = Environment.ProcessPath!;

    /// <summary>Runs a program that prints where this one does. The build ends with its exit code where that is not zero.</summary>
    public static void Run(string program, params IEnumerable<string> arguments)
    {
        int exitCode = TryRun(program, arguments);
        if (exitCode != 0)
        {
            throw new BuildFailedException(exitCode);
        }
    }

    /// <summary>Runs a program that prints where this one does, and returns its exit code.</summary>
    public static int TryRun(string program, params IEnumerable<string> arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments))!;
        return WaitFor(process);
    }

    /// <summary>Runs a program and returns its exit code.</summary>
    /// <param name="output">What it prints, on standard output and standard error.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    public static int TryRun(TextWriter output, string program, params IEnumerable<string> arguments) => Redirect(output, output, program, arguments);

    /// <summary>Runs a program and returns what it printed on standard output; null where it failed.</summary>
    public static string? Read(string program, params IEnumerable<string> arguments)
    {
        using StringWriter output = new();
        return Redirect(output, TextWriter.Null, program, arguments) == 0 ? output.ToString() : null;
    }

    private static int Redirect(TextWriter output, TextWriter error, string program, IEnumerable<string> arguments)
    {
        using Process process = new()
        {
            StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        Lock writing = new();
        process.OutputDataReceived += (_, line) => Write(output, line.Data);
        process.ErrorDataReceived += (_, line) => Write(error, line.Data);
        _ = process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return WaitFor(process);

        void Write(TextWriter writer, string? line)
        {
            // Null marks the end.
            if (line is not null)
            {
                lock (writing)
                {
                    writer.WriteLine(line);
                }
            }
        }
    }

    private static int WaitFor(Process process)
    {
        int signalled = 0;
        Lock stopping = new();

        // This program ends after the other one: nothing is printed once the prompt is back.
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            lock (stopping)
            {
                // A terminal sends Ctrl-C to both programs, so the first one is not passed on. A second one ends the other program, as SIGTERM does.
                if (signalled != 0 || context.Signal == PosixSignal.SIGTERM)
                {
                    process.Kill(entireProcessTree: true);
                }

                signalled = context.Signal == PosixSignal.SIGINT ? 2 : 15;
            }
        }

        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        process.WaitForExit();
        // The other program is killed before those that it started: all of them must be gone.
        lock (stopping)
        {
            return signalled == 0 ? process.ExitCode : throw new BuildFailedException(128 + signalled);
        }
    }
}
