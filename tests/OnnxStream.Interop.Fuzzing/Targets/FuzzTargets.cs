namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>All kinds of files that the library and the tool read.</summary>
internal static class FuzzTargets
{
    private static readonly (FuzzTarget Target, int Share)[] s_shares =
    [
        (new ModelFieldsTarget(), 9), (new ModelBytesTarget(), 4), (new ModelTextTarget(), 3), (new PanelStoreTarget(), 1), (new TensorFileTarget(), 2), (new TokenizerTarget(), 1), (new GgufTarget(), 2), (new RangeTableTarget(), 1),
    ];

    private static readonly FuzzTarget[] s_turns = [.. s_shares.SelectMany(item => Enumerable.Repeat(item.Target, item.Share))];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } = [.. s_shares.Select(item => item.Target)];

    /// <summary>The one whose turn it is, where all are mutated: models are more often than other files.</summary>
    public static FuzzTarget Of(int seed) => s_turns[seed % s_turns.Length];

    /// <summary>The one of this name; null if there is none. Those that only tests use are found, too.</summary>
    public static FuzzTarget? Find(string name) => All.Append(new BrokenTarget()).FirstOrDefault(target => target.Name == name);
}
