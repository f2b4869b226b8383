using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Diffusion;

/// <summary>How a picture was made: all that is needed to make it again.</summary>
public sealed record GenerationParameters
{
    /// <summary>What it should show.</summary>
    public required string Prompt { get; init; }

    /// <summary>What it should not show.</summary>
    public required string NegativePrompt { get; init; }

    /// <summary>The number of sampling steps.</summary>
    public required int Steps { get; init; }

    /// <summary>The scheduler's name.</summary>
    public required string Sampler { get; init; }

    /// <summary>The name of the way in which noise levels were spread.</summary>
    public required string Schedule { get; init; }

    /// <summary>How strongly the prompt was followed.</summary>
    public required float GuidanceScale { get; init; }

    /// <summary>The seed of its noise.</summary>
    public required long Seed { get; init; }

    /// <summary>The width in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>The height in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>The text that programs of this field write into picture files: the prompt, the negative prompt, a line of the rest.</summary>
    public override string ToString()
    {
        StringBuilder text = new(Prompt);
        _ = text.Append('\n');
        if (NegativePrompt.Length > 0)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"Negative prompt: {NegativePrompt}\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"Steps: {Steps}, Sampler: {Sampler}, Schedule type: {Schedule}, CFG scale: {GuidanceScale}, Seed: {Seed}, Size: {Width}x{Height}, Model: {Model}, Version: OnnxStream.Interop").ToString();
    }
}
