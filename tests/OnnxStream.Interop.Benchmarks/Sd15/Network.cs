namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>
/// A network of Stable Diffusion 1.5, written from its published architecture, with random weights. The properties of the
/// derived types are its widths; their defaults are the published ones, smaller ones make a quick graph of the same nodes.
/// </summary>
internal abstract record Network(string Name)
{
    /// <summary>The three networks in their published size and precision.</summary>
    public static IReadOnlyList<Network> Published { get; } = [new TextEncoderNetwork(), new UnetNetwork(), new VaeDecoderNetwork()];

    /// <summary>Those, and the UNET in half precision.</summary>
    public static IReadOnlyList<Network> All { get; } = [.. Published, new UnetNetwork { Name = "unet_f16", Type = ElementType.Float16 }];

    /// <summary>The type of weights and activations: single precision, or half.</summary>
    public ElementType Type { get; init; } = ElementType.Float32;

    /// <summary>Adds the network to an empty graph.</summary>
    public abstract void Build(GraphBuilder graph);

    /// <summary>Writes the network as <c>model.onnx</c> and <c>model.onnx.data</c> into an existing folder.</summary>
    /// <returns>The number of parameters.</returns>
    public long Write(string folder)
    {
        using GraphBuilder graph = new(Path.Combine(folder, "model.onnx")) { Type = Type };
        Build(graph);
        graph.Complete();
        return graph.ParameterCount;
    }
}
