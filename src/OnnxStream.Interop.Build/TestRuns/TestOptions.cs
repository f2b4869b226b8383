namespace OnnxStream.Interop.Build.TestRuns;

/// <summary>The options of <c>test</c>.</summary>
/// <param name="Culture">The culture whose signs and digits the tests run under, or null for that of the system.</param>
/// <param name="Rest">Options of <c>dotnet test</c>.</param>
internal sealed record TestOptions(string? Culture, IReadOnlyList<string> Rest)
{
    private const string CultureOption = "--culture";

    /// <summary>Reads options: <c>--culture NAME</c> comes before those of <c>dotnet test</c>.</summary>
    public static TestOptions Parse(IReadOnlyList<string> arguments) =>
        arguments is not [CultureOption, ..] ? new TestOptions(null, arguments) :
        arguments.Count > 1 ? new TestOptions(arguments[1], [.. arguments.Skip(2)]) :
        throw new BuildFailedException($"test: {CultureOption} needs the name of a culture, such as sv-SE");
}
