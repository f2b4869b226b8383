using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Micro;

/// <summary>The first linear layer of the feed-forward layers: panels of output channels.</summary>
public class FullyConnectedBenchmark : KernelBenchmark
{
    private protected override GraphValue Build(GraphBuilder graph) =>
        graph.Root.Linear("linear", graph.Input("x", ElementType.Float32, 1, Pixels, Channels), 8 * Channels);
}
