namespace OnnxStream.Interop.Server.Models;

/// <summary>Which models there are, and what they may take.</summary>
public sealed record ModelShelfOptions
{
    /// <summary>The folder with a folder for each model; null for none.</summary>
    public string? Folder { get; init; }

    /// <summary>Folders of single models besides.</summary>
    public IReadOnlyList<string> ModelFolders { get; init; } = [];

    /// <summary>The most bytes that all models and jobs may take together, by their plans; null for no limit.</summary>
    public long? Budget { get; init; }

    /// <summary>How each session computes. Its budget is set by the shelf.</summary>
    public SessionOptions Session { get; init; } = new();

    /// <summary>The most tokens of a conversation; null for as many as a model was made for. Each open model keeps a cache for so many.</summary>
    public int? ContextLength { get; init; }

    /// <summary>
    /// How language models keep keys and values, <see cref="ElementType.Float32"/>, <see cref="ElementType.Float16"/> or <see cref="ElementType.Int8"/>
    /// (<see cref="Language.LanguageModelOptions.CacheElementType"/>); null for the type that a model has them in, which one that has them in half precision keeps in any case.
    /// </summary>
    public ElementType? CacheElementType { get; init; }

    /// <summary>How long a model stays open behind its last job.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromMinutes(5);
}
