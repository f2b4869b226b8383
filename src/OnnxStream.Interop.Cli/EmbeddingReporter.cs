using OnnxStream.Interop.Embeddings;

namespace OnnxStream.Interop.Cli;

/// <summary>Shows how many texts have their vectors.</summary>
internal sealed class EmbeddingReporter(ProgressDisplay.Reporter report) : IProgress<EmbeddingProgress>
{
    public void Report(EmbeddingProgress value) => report("embedding texts", (double)value.Done / value.Count);
}
