using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Quantization;

/// <summary>A weight with the layers that use it in the same way, and what is known of it in fewer bits.</summary>
/// <param name="layers">The layers, at least one.</param>
internal sealed class LayerGroup(IReadOnlyList<WeightedLayer> layers)
{
    /// <summary>The layers.</summary>
    public IReadOnlyList<WeightedLayer> Layers { get; } = layers;

    /// <summary>The weight.</summary>
    public Value Weight => Layers[0].Weight;

    /// <summary>Its numbers.</summary>
    public FloatWeight Numbers { get; } = new(layers[0].Weight.Constant!);

    /// <summary>Where its output channels lie.</summary>
    public WeightLayout Layout { get; } = WeightLayout.Of(layers[0].Weight.Constant!.Type.Shape, layers[0].Axis);

    /// <summary>The axis of the output channels.</summary>
    public int Axis => Layers[0].Axis;

    /// <summary>The scales of the channels in 8 bits with a sign; null where they are not known.</summary>
    public float[]? Scales { get; set; }

    /// <summary>The scale of all of it in 8 bits without a sign; null where it is not known.</summary>
    public AffineScale? TensorScale { get; set; }

    /// <summary>The weight in blocks of 4 bits; null where they do not compute the layer.</summary>
    public BlockedWeight? Blocks { get; set; }

    /// <summary>What 8 bits take from the weight.</summary>
    public SquaredLoss Loss8 { get; set; }

    /// <summary>What 4 bits take from the weight.</summary>
    public SquaredLoss Loss4 { get; set; }

    /// <summary>What 8 bits take from the data, as a part of the square of the data; null where nothing is known of them, or the layers do not take such data.</summary>
    public double? DataLoss { get; set; }

    /// <summary>Why the weight stays as it is, whatever is asked for; null where it need not.</summary>
    public string? Obstacle { get; set; }

    /// <summary>The bytes of the weight as it is.</summary>
    public long OriginalBytes => Weight.Constant!.Location!.Value.Length;

    /// <summary>Groups the layers of a graph, in the order of their use.</summary>
    public static List<LayerGroup> Find(Graph graph, bool embeddings) =>
        [.. WeightedLayer.Find(graph, embeddings).GroupBy(layer => (layer.Weight, layer.Axis)).Select(layers => new LayerGroup([.. layers]))];

    /// <summary>The bytes of the weight in a format, scales included.</summary>
    public long Bytes(LayerFormat format) => format switch
    {
        LayerFormat.Float => OriginalBytes,
        LayerFormat.Weight4 => Blocks!.Channels * Blocks.Blocks * (BlockedWeight.BlockLength / 2 + sizeof(float)),
        _ => Numbers.Count + (TensorScale is null ? Layout.Channels * (sizeof(float) + 1) : 0),
    };

    /// <summary>What a format takes from the layer's own results, as a part of their square, if errors have nothing to do with one another.</summary>
    public double Loss(LayerFormat format) => format switch
    {
        LayerFormat.Float => 0,
        LayerFormat.Weight4 => Loss4.Relative,
        LayerFormat.Weight8Data8 => Loss8.Relative + (DataLoss ?? 0),
        _ => Loss8.Relative,
    };
}
