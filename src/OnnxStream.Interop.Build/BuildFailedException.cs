namespace OnnxStream.Interop.Build;

/// <summary>Ends the build. Without a message, a program that failed has already said why.</summary>
internal sealed class BuildFailedException : Exception
{
    public BuildFailedException(string message)
        : base(message)
    {
        HasMessage = true;
        ExitCode = 1;
    }

    public BuildFailedException(int exitCode) => ExitCode = exitCode;

    /// <summary>Whether there is something left to say.</summary>
    public bool HasMessage { get; }

    /// <summary>The exit code of the build.</summary>
    public int ExitCode { get; }
}
