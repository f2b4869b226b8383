using OnnxStream.Interop.Diffusion.RandomSources;
using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion;

/// <summary>What to generate. Immutable: derive variants with <c>with</c>; null stands for what suits the model.</summary>
public sealed record GenerationOptions
{
    /// <summary>What the pictures should show.</summary>
    public required string Prompt { get; init; }

    /// <summary>What they should not show; empty for nothing in particular.</summary>
    public string NegativePrompt { get; init; } = "";

    /// <summary>The number of sampling steps, from 1 to the number of time steps of the training.</summary>
    public int? Steps { get; init; }

    /// <summary>The seed of the first picture; the others have the seeds that follow. Null for a random one.</summary>
    public long? Seed { get; init; }

    /// <summary>How strongly the prompt is followed; 1 for the prompt's prediction alone, which takes half the time.</summary>
    public float? GuidanceScale { get; init; }

    /// <summary>The number of pictures.</summary>
    public int ImageCount { get; init; } = 1;

    /// <summary>The sampler and its schedule; a <see cref="SchedulerType"/> stands for the sampler as it is usual.</summary>
    public SchedulerOptions? Scheduler { get; init; }

    /// <summary>Makes the source of a picture's noise from its seed; null for <see cref="PhiloxRandomSource"/>.</summary>
    public Func<long, IRandomSource>? RandomSource { get; init; }
}
