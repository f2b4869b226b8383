namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>The answer with pictures.</summary>
internal sealed record ImageAnswer(long Created, IReadOnlyList<ImageData> Data)
{
    public string? OutputFormat { get; init; }

    public string? Size { get; init; }
}
