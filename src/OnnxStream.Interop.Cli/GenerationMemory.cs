using OnnxStream.Interop.Diffusion;

namespace OnnxStream.Interop.Cli;

/// <summary>What drawing pictures takes of the process, beside the sessions of its stages, and what is left for these within a limit.</summary>
internal sealed class GenerationMemory
{
    // Stages read their models and plan when the others are closed: graphs, and what planning leaves behind.
    private const long PlanningBytes = 10 << 20;

    // Planes of a picture in single precision as a decoder gives them, once more as they are taken from its output, and put together where there are tiles.
    private const long PlaneBytes = 3 * 3 * sizeof(float);

    // Red, green and blue: of each picture, and twice while a file is written.
    private const long PixelBytes = 3;

    // Networks that make pictures larger have four times the side, as a rule.
    private const long UpscaledArea = 16;

    private readonly GenerationPlan _plan;
    private readonly ProcessMemory _memory;

    private GenerationMemory(GenerationPlan plan, ProcessMemory memory) => (_plan, _memory) = (plan, memory);

    /// <summary>Measures the process, when all has been read and planned, and no session is open.</summary>
    /// <param name="plan">The plan, without a budget.</param>
    public static GenerationMemory Measure(GenerationPlan plan)
    {
        long area = (long)plan.Width * plan.Height, drawn = plan.Stages.Any(stage => stage.Stage == PipelineStage.Upscaling) ? UpscaledArea * area : area;
        long tensors = plan.Stages.Where(stage => stage.Stage is not PipelineStage.Decoding).Select(stage => 2 * stage.OutputBytes).DefaultIfEmpty().Max();
        return new GenerationMemory(plan, ProcessMemory.Measure(0, PlanningBytes + Math.Max(tensors, PlaneBytes * area) + (PixelBytes * drawn * (plan.ImageCount + 2))));
    }

    /// <summary>What a limit leaves for each stage.</summary>
    /// <exception cref="UsageException">It is too small; the smallest that works is named, for each stage.</exception>
    public long BudgetWithin(long limit) =>
        _memory.Allows(limit, Math.Max(1, _plan.SmallestBudgetBytes)) ? _memory.BudgetFor(limit) : throw TooLittle(limit);

    /// <summary>The error that names the smallest limit that can be met.</summary>
    /// <param name="limit">The limit.</param>
    /// <param name="needed">What a stage turned out to need; 0 for what the plan says.</param>
    public UsageException TooLittle(long limit, long needed = 0)
    {
        string stages = string.Join(", ", _plan.Stages.Where(stage => stage.Unknown is null).Select(stage => $"{stage.Model} {SmallestLimit(stage.SmallestBudgetBytes) >> 20}MB"));
        return new UsageException($"--memory {Quantity.Bytes(limit)} is too small: this needs --memory {SmallestLimit(Math.Max(needed, _plan.SmallestBudgetBytes)) >> 20}MB at least ({stages}).");
    }

    /// <summary>The smallest limit that sessions with this smallest budget can meet.</summary>
    public long SmallestLimit(long smallestBudget) => _memory.SmallestLimit(smallestBudget);

    /// <summary>The most that the process holds while sessions hold so much.</summary>
    public long PeakFor(long sessionBytes) => _memory.PeakFor(sessionBytes);
}
