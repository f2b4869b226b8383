using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Micro;

/// <summary>A 3x3 convolution: panels of output channels.</summary>
public class ConvolutionBenchmark : KernelBenchmark
{
    private protected override GraphValue Build(GraphBuilder graph) =>
        graph.Root.Conv("conv", graph.Input("x", ElementType.Float32, 1, Channels, Size, Size), Channels, 3);
}
