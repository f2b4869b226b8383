namespace OnnxStream.Interop.Conformance.Tests;

/// <summary>Finds the test cases of the ONNX project: a folder for each, with a model, inputs, and the outputs of the reference.</summary>
internal static class ConformanceSuite
{
    /// <summary>The environment variable with the folder that holds <see cref="Groups"/>, where it is not the one of Debian's package.</summary>
    public const string FolderVariable = "ONNXSTREAM_ONNX_TESTDATA";

    /// <summary>What is said where there are no cases.</summary>
    public const string Absent = $"the ONNX test cases are not here: install Debian's libonnx-testdata, or set {FolderVariable} to the folder that holds node, simple, pytorch-converted and pytorch-operator";

    private const string DebianFolder = "/usr/share/libonnx-testdata/data";

    /// <summary>The groups of cases: single operators, small graphs, and what PyTorch exports.</summary>
    public static readonly IReadOnlyList<string> Groups = ["node", "simple", "pytorch-converted", "pytorch-operator"];

    /// <summary>The folder with the groups; null if there is none.</summary>
    /// <exception cref="DirectoryNotFoundException">The environment variable names a folder without them.</exception>
    public static string? Folder { get; } = FindFolder();

    /// <summary>All cases as <c>group/name</c>, in alphabetical order; empty where there is no data.</summary>
    public static IReadOnlyList<string> Cases { get; } = Folder is null ? [] :
        [.. Groups.SelectMany(group => Directory.GetDirectories(Path.Combine(Folder, group)).Select(folder => $"{group}/{Path.GetFileName(folder)}")).Order(StringComparer.Ordinal)];

    /// <summary>Whether the cases are those that the ONNX project's main branch made in August 2026 (operator set 28), not those of Debian's package (17).</summary>
    public static bool IsNewer { get; } = Cases.Contains("node/test_swiglu");

    /// <summary>The model file of a case.</summary>
    public static string Model(string name) => Path.Combine(Folder!, name, "model.onnx");

    /// <summary>The folders of a case with inputs and outputs.</summary>
    public static IEnumerable<string> DataSets(string name) => Directory.GetDirectories(Path.Combine(Folder!, name), "test_data_set_*").Order(StringComparer.Ordinal);

    /// <summary>The tensor files <c>prefix_0.pb</c>, <c>prefix_1.pb</c> and so on of a data set, in order.</summary>
    public static IEnumerable<string> Files(string dataSet, string prefix)
    {
        for (int i = 0; File.Exists(Path.Combine(dataSet, $"{prefix}_{i}.pb")); i++)
        {
            yield return Path.Combine(dataSet, $"{prefix}_{i}.pb");
        }
    }

    private static string? FindFolder()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is not { Length: > 0 } folder)
        {
            return Directory.Exists(DebianFolder) ? DebianFolder : null;
        }

        return Groups.All(group => Directory.Exists(Path.Combine(folder, group))) ? folder :
            throw new DirectoryNotFoundException($"{FolderVariable} is '{folder}', which does not hold {string.Join(", ", Groups)}.");
    }
}
