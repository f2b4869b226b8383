using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Micro;

/// <summary>Group normalization and SiLU of an image, 32 groups.</summary>
public class GroupNormalizationBenchmark : KernelBenchmark
{
    private protected override GraphValue Build(GraphBuilder graph) =>
        graph.Root.Silu(graph.Root.GroupNorm("norm", graph.Input("x", ElementType.Float32, 1, Channels, Size, Size), 32, 1e-5f));
}
