namespace OnnxStream.Interop.Diffusion;

/// <summary>What a generation gave and what it took.</summary>
public sealed class GenerationResult
{
    internal GenerationResult(IReadOnlyList<GeneratedImage> images, IReadOnlyList<StageStatistics> stages, TimeSpan duration, int droppedTokenCount)
    {
        Images = images;
        Stages = stages;
        Duration = duration;
        DroppedTokenCount = droppedTokenCount;
    }

    /// <summary>The pictures, in the order of their seeds.</summary>
    public IReadOnlyList<GeneratedImage> Images { get; }

    /// <summary>What each stage took, in the order in which they ran.</summary>
    public IReadOnlyList<StageStatistics> Stages { get; }

    /// <summary>The time that all took.</summary>
    public TimeSpan Duration { get; }

    /// <summary>How many tokens at the end of the prompt and of the negative prompt did not fit into the text encoder's context and were left out.</summary>
    public int DroppedTokenCount { get; }
}
