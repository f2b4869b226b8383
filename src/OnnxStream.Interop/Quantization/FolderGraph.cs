using System.Buffers;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Quantization;

/// <summary>Gives the constants of a graph 8 bits with one scale and zero point each, as OnnxStream folders have them.</summary>
/// <param name="groups">The layers of the model.</param>
/// <param name="formats">What becomes of each.</param>
/// <param name="isWhole">Whether other operands of sums and products have 8 bits, too: the original's arithmetic of 8 bits takes nothing else.</param>
/// <param name="work">Is asked whether to go on.</param>
internal sealed class FolderGraph(IReadOnlyList<LayerGroup> groups, IReadOnlyList<LayerFormat> formats, bool isWhole, QuantizationWork work)
{
    private static readonly HashSet<string> s_operators = ["Add", "Div", "Mul", "Sub"];

    private readonly Dictionary<string, (LayerGroup Group, LayerFormat Format)> _weights = groups.Select((group, i) => (group, i)).DistinctBy(pair => pair.group.Weight.Name).ToDictionary(pair => pair.group.Weight.Name, pair => (pair.group, formats[pair.i]));
    private readonly Dictionary<string, Constant?> _constants = [];

    /// <summary>Finds a scale for the numbers of a weight, and what it takes from them.</summary>
    /// <returns>Null where a number is not finite.</returns>
    public static (AffineScale Scale, SquaredLoss Loss)? FindScale(FloatWeight weight)
    {
        const int PieceElements = 256 << 10;
        ValueHistogram histogram = new();
        float[] piece = ArrayPool<float>.Shared.Rent((int)Math.Min(PieceElements, weight.Count));
        for (long first = 0; first < weight.Count; first += piece.Length)
        {
            Span<float> numbers = piece.AsSpan(0, (int)Math.Min(piece.Length, weight.Count - first));
            weight.Read(first, numbers);
            histogram.Observe(numbers);
        }

        ArrayPool<float>.Shared.Return(piece);

        if (histogram.NotFiniteCount > 0 || histogram.Count == 0)
        {
            return null;
        }

        // A single number is itself: 1 or -1 times its size.
        if (histogram.Minimum == histogram.Maximum)
        {
            float size = MathF.Abs(histogram.Minimum);
            return (new AffineScale(size > 0 ? size : 1, histogram.Minimum < 0 ? (byte)1 : (byte)0), new SquaredLoss(0, weight.Count * (double)size * size));
        }

        RangeChooser chooser = new(histogram);
        (float minimum, float maximum) = chooser.Choose(CalibrationMethod.MeanSquaredError, 100);
        return (AffineScale.Of(minimum, maximum), chooser.Loss(minimum, maximum));
    }

    /// <summary>Changes the constants of a graph that is the caller's own.</summary>
    public void Apply(Graph graph)
    {
        foreach (Node node in graph.AllNodes())
        {
            for (int i = 0; i < node.Inputs.Length; i++)
            {
                if (node.Inputs[i] is { IsOptionalInput: false, Constant: { Quantization: null, Type.ElementType: ElementType.Float32 } constant } value && Rounded(node, i, value.Name, constant) is { } rounded)
                {
                    value.Constant = rounded;
                }
            }
        }
    }

    private Constant? Rounded(Node node, int input, string name, Constant constant)
    {
        if (_constants.TryGetValue(name, out Constant? known))
        {
            return known;
        }

        AffineScale? scale = null;
        if (_weights.TryGetValue(name, out (LayerGroup Group, LayerFormat Format) weight))
        {
            scale = weight.Format == LayerFormat.Float ? null : weight.Group.TensorScale;
        }
        else if (isWhole && (s_operators.Contains(node.OperatorType) || (node.OperatorType == "MatMul" || node is { OperatorType: "Gemm" }) || (node.OperatorType == "Conv" && input == 1)))
        {
            scale = FindScale(new FloatWeight(constant))?.Scale;
        }

        Constant? rounded = null;
        if (scale is { } found)
        {
            TensorScaleSource source = new(name, new FloatWeight(constant), found, work);
            rounded = Constant.FromLocation(constant.Type, ElementType.UInt8, new WeightRange(name, source, 0, source.Length), WeightQuantization.OfAll(found.Scale, found.ZeroPoint, constant.Type.Shape.ElementCount));
        }

        _constants.Add(name, rounded);
        return rounded;
    }
}
