using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Micro;

/// <summary>The gate of the feed-forward layers: a product with GELU.</summary>
public class GegluBenchmark : KernelBenchmark
{
    private protected override GraphValue Build(GraphBuilder graph) =>
        graph.Root.Gate(graph.Input("x", ElementType.Float32, 1, Pixels, 8 * Channels));
}
