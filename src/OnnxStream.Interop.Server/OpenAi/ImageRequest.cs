namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>The body of <c>POST /v1/images/generations</c> (https://platform.openai.com/docs/api-reference/images/create), and what diffusion needs besides.</summary>
internal sealed record ImageRequest
{
    public string? Model { get; init; }

    public string? Prompt { get; init; }

    public int? N { get; init; }

    public string? Size { get; init; }

    public string? ResponseFormat { get; init; }

    public string? OutputFormat { get; init; }

    public string? NegativePrompt { get; init; }

    public int? Steps { get; init; }

    public float? GuidanceScale { get; init; }

    public string? Sampler { get; init; }

    public long? Seed { get; init; }
}
