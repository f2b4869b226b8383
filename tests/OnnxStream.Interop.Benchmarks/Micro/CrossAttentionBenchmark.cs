using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Micro;

/// <summary>Attention of an image's pixels to the 77 tokens of the text, 8 heads.</summary>
public class CrossAttentionBenchmark : KernelBenchmark
{
    private protected override GraphValue Build(GraphBuilder graph) =>
        graph.Root.Attend(Heads(graph, "q", Pixels), Heads(graph, "k", 77), Heads(graph, "v", 77));

    private GraphValue Heads(GraphBuilder graph, string name, int tokens) =>
        graph.Root.SplitHeads(graph.Input(name, ElementType.Float32, 1, tokens, Channels), 8);
}
