using System.Text.Json;

namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>The body of <c>txt2img</c> and <c>img2img</c>. What clients send besides changes nothing, and is not read.</summary>
internal sealed record DiffusionRequest
{
    public string? Prompt { get; init; }

    public string? NegativePrompt { get; init; }

    public int? Steps { get; init; }

    public float? CfgScale { get; init; }

    public int? Width { get; init; }

    public int? Height { get; init; }

    public long? Seed { get; init; }

    public string? SamplerName { get; init; }

    public string? SamplerIndex { get; init; }

    public string? Scheduler { get; init; }

    public int? BatchSize { get; init; }

    public int? NIter { get; init; }

    public float? DenoisingStrength { get; init; }

    public IReadOnlyList<string>? InitImages { get; init; }

    public string? Mask { get; init; }

    public float? MaskBlur { get; init; }

    public int? InpaintingMaskInvert { get; init; }

    public JsonElement? OverrideSettings { get; init; }
}
