namespace OnnxStream.Interop.Conformance.Tests.Types;

/// <summary>One version of an operator, as the ONNX specification defines it (or ONNX Runtime, in its own domain): a line of schemas.txt.</summary>
/// <param name="Name">The operator, with its domain if it is not ai.onnx.</param>
/// <param name="Version">The operator set that brought this version.</param>
/// <param name="Last">The last operator set in which it is the version.</param>
/// <param name="IsDeprecated">Whether models of these operator sets should not have it any more.</param>
/// <param name="Types">For each type parameter, the names of the allowed types.</param>
/// <param name="Inputs">The inputs as name and type parameter (or fixed type), in order.</param>
/// <param name="Attributes">For each attribute, its kind and what follows it.</param>
internal sealed record OperatorSchema(
    string Name,
    int Version,
    int Last,
    bool IsDeprecated,
    IReadOnlyDictionary<string, string[]> Types,
    IReadOnlyList<(string Name, string Type)> Inputs,
    IReadOnlyDictionary<string, string> Attributes)
{
    /// <summary>The oldest operator set of the table.</summary>
    public const int Oldest = 6;

    /// <summary>The newest operator set of the table.</summary>
    public const int Newest = 28;

    /// <summary>The newest operator set that the ONNX Runtime of the tests takes.</summary>
    public const int NewestOfRuntime = 26;

    /// <summary>The first operator set whose versions were written by hand, from the specification's text.</summary>
    private const int FirstByHand = 18;

    /// <summary>All versions that operator sets <see cref="Oldest"/> to <see cref="Newest"/> have.</summary>
    public static IReadOnlyList<OperatorSchema> All { get; } = Read();

    /// <summary>The operator set of ai.onnx that the version is tried in.</summary>
    public int OperatorSet => Domain(Name).Length > 0 ? FirstByHand : Math.Max(Version, Oldest);

    /// <summary>Whether the ONNX Runtime of the tests has the version; the windows of attention were put into its operator set later.</summary>
    public bool IsInRuntime => OperatorSet <= NewestOfRuntime && !Name.StartsWith("ai.onnx.preview.", StringComparison.Ordinal) && (Name, Version) != ("Attention", 25);

    /// <summary>Whether the line was written by hand.</summary>
    public bool IsByHand => Version >= FirstByHand || Domain(Name).Length > 0;

    /// <summary>The domain in the name of an operator.</summary>
    public static string Domain(string name) => name[..Math.Max(0, name.LastIndexOf('.'))];

    /// <summary>The type parameter of the first input that has more than one type, or of the first input that has a parameter, or the first parameter; null if there is none.</summary>
    public string? FirstParameter =>
        Inputs.Select(input => input.Type).Where(Types.ContainsKey).OrderBy(type => Types[type].Length == 1).FirstOrDefault() ?? Types.Keys.FirstOrDefault();

    private static List<OperatorSchema> Read()
    {
        List<string[]> lines = [.. TypeLists.Lines("schemas.txt").Select(line => line.Split(" |"))];
        List<OperatorSchema> all = [];
        for (int i = 0; i < lines.Count; i++)
        {
            string[] head = lines[i][0].Split(' ');
            string[] next = i + 1 < lines.Count ? lines[i + 1][0].Split(' ') : [""];
            all.Add(new OperatorSchema(
                head[0],
                int.Parse(head[1], null),
                next[0] == head[0] ? int.Parse(next[1], null) - 1 : Newest,
                head.Length > 2,
                lines[i][1].Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split(": ")).ToDictionary(parts => parts[0], parts => parts[1].Split(' ')),
                [.. lines[i][2].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => (text[..text.IndexOf(':', StringComparison.Ordinal)], text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..].TrimEnd('?', '*')))],
                lines[i][4].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split(':', 2)).ToDictionary(parts => parts[0], parts => parts[1])));
        }

        return all;
    }
}
