namespace OnnxStream.Interop.Server.Models;

/// <summary>What clients may know of a model. What does not belong to its kind is null.</summary>
public sealed record ModelFacts
{
    /// <summary>The width of its pictures where a job does not say it, in pixels.</summary>
    public int? Width { get; init; }

    /// <summary>The height of its pictures where a job does not say it, in pixels.</summary>
    public int? Height { get; init; }

    /// <summary>What the width and the height of its pictures must be multiples of.</summary>
    public int? SizeStep { get; init; }

    /// <summary>The steps that suit it.</summary>
    public int? Steps { get; init; }

    /// <summary>The sampler that suits it.</summary>
    public string? Sampler { get; init; }

    /// <summary>The guidance scale that suits it.</summary>
    public float? GuidanceScale { get; init; }

    /// <summary>Whether it can begin with a picture.</summary>
    public bool? TakesImages { get; init; }

    /// <summary>The most tokens of prompt and answer, or of a text.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Whether its folder says how conversations are written.</summary>
    public bool? HasChatTemplate { get; init; }

    /// <summary>The numbers of a vector.</summary>
    public int? Dimensions { get; init; }

    /// <summary>The languages whose speech it knows, as in <c>en</c>.</summary>
    public IReadOnlyList<string>? Languages { get; init; }
}
