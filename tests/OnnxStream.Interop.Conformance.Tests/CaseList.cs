namespace OnnxStream.Interop.Conformance.Tests;

/// <summary>A list of cases with what is special about each: lines of <c>group/name: reason</c>; a line that starts with # is a comment. The data of 2026 have lists of their own.</summary>
internal static class CaseList
{
    /// <summary>The cases that are not run, with the reason.</summary>
    public static IReadOnlyDictionary<string, string> LeftOut { get; } = Read(ConformanceSuite.IsNewer ? "Newer/left-out.txt" : "left-out.txt");

    /// <summary>The cases whose outputs come from a random generator, with what holds for them all the same.</summary>
    public static IReadOnlyDictionary<string, string> Random { get; } = Read("random.txt");

    /// <summary>The cases whose outputs contradict the specification, with how; ONNX Runtime is the reference for them.</summary>
    public static IReadOnlyDictionary<string, string> Contradicted { get; } = Read(ConformanceSuite.IsNewer ? "Newer/contradicted.txt" : "contradicted.txt");

    private static Dictionary<string, string> Read(string file)
    {
        Dictionary<string, string> list = [];
        foreach (string line in File.ReadLines(Path.Combine(TestContext.CurrentContext.TestDirectory, file)))
        {
            if (line.Length > 0 && line[0] != '#')
            {
                int colon = line.IndexOf(':', StringComparison.Ordinal);
                list.Add(line[..colon], line[(colon + 1)..].Trim());
            }
        }

        return list;
    }
}
