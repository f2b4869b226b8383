using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Micro;

/// <summary>Layer normalization of the pixels as tokens.</summary>
public class LayerNormalizationBenchmark : KernelBenchmark
{
    private protected override GraphValue Build(GraphBuilder graph) =>
        graph.Root.LayerNorm("norm", graph.Input("x", ElementType.Float32, 1, Pixels, Channels));
}
