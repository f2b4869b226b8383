using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Micro;

/// <summary>Attention of an image's pixels to each other, 8 heads.</summary>
public class SelfAttentionBenchmark : KernelBenchmark
{
    private protected override GraphValue Build(GraphBuilder graph) =>
        graph.Root.Attend(Heads(graph, "q", Pixels), Heads(graph, "k", Pixels), Heads(graph, "v", Pixels));

    private GraphValue Heads(GraphBuilder graph, string name, int tokens) =>
        graph.Root.SplitHeads(graph.Input(name, ElementType.Float32, 1, tokens, Channels), 8);
}
