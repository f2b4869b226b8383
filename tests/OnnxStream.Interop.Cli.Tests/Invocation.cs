namespace OnnxStream.Interop.Cli.Tests;

/// <summary>What a command line did.</summary>
internal sealed record Invocation(int ExitCode, string Output, string Error)
{
    /// <summary>Runs the tool in this process.</summary>
    public static Invocation Of(params string[] args) => Of(CancellationToken.None, args);

    /// <summary>Runs the tool in this process.</summary>
    public static Invocation Of(CancellationToken cancellationToken, params string[] args)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int exitCode = CommandLine.Invoke(args, output, error, cancellationToken);
        return new Invocation(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Asserts the exit code, one line on standard error that has all of <paramref name="parts"/>, and no output.</summary>
    public void AssertFailed(int exitCode, params string[] parts)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ExitCode, Is.EqualTo(exitCode), Error);
            Assert.That(Output, Is.Empty);
            Assert.That(Error.TrimEnd(), Is.Not.Empty.And.Not.Contains("\n").And.Not.Contains("   at "));
            foreach (string part in parts)
            {
                Assert.That(Error, Does.Contain(part));
            }
        }
    }

    /// <summary>Asserts success.</summary>
    public Invocation AssertSucceeded()
    {
        Assert.That(ExitCode, Is.Zero, Error);
        return this;
    }
}
