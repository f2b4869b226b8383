using OnnxStream.Interop.Embeddings;

namespace OnnxStream.Interop.Cli;

/// <summary>Shows how many texts have their vectors.</summary>
/// <param name="report">Shows it.</param>
/// <param name="collect">Is called between two batches.</param>
internal sealed class EmbeddingReporter(ProgressDisplay.Reporter report, Action collect) : IProgress<EmbeddingProgress>
{
    public void Report(EmbeddingProgress value)
    {
        report("embedding texts", (double)value.Done / value.Count);
        collect();
    }
}
