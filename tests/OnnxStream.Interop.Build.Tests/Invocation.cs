using System.Diagnostics;

namespace OnnxStream.Interop.Build.Tests;

/// <summary>What a program did.</summary>
internal sealed record Invocation(int ExitCode, string Output, string Error)
{
    /// <summary>Runs a program in the root of this repository and returns what it said.</summary>
    /// <param name="program">The program.</param>
    /// <param name="searchPath">The folders in which it finds other programs.</param>
    /// <param name="arguments">Its arguments.</param>
    public static Invocation Of(string program, string searchPath, params IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = Repository.FindRoot(AppContext.BaseDirectory),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = searchPath;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Invocation(process.ExitCode, output, error.Result);
    }

    /// <summary>Asserts success.</summary>
    public Invocation AssertSucceeded()
    {
        Assert.That(ExitCode, Is.Zero, Error);
        return this;
    }
}
