using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Graphs;

/// <summary>The data of a constant value: in memory where it is small, or a place in a file where it is a weight.</summary>
internal sealed class Constant
{
    private Constant(TensorType type, ElementType storedType, byte[]? data, WeightRange? location, AffineQuantization? quantization)
    {
        Type = type;
        StoredType = storedType;
        Data = data;
        Location = location;
        Quantization = quantization;
    }

    /// <summary>What computations see.</summary>
    public TensorType Type { get; }

    /// <summary>What lies in the file; another type than <see cref="Type"/>'s is converted when it is read.</summary>
    public ElementType StoredType { get; }

    /// <summary>The elements, row-major, little-endian; null for a weight that stays where it is.</summary>
    public byte[]? Data { get; }

    /// <summary>Where the weight lies; null for data in memory.</summary>
    public WeightRange? Location { get; }

    /// <summary>How stored 8-bit integers stand for real numbers; null where they stand for themselves.</summary>
    public AffineQuantization? Quantization { get; }

    /// <summary>A constant in memory.</summary>
    public static Constant FromData(TensorType type, byte[] data) => new(type, type.ElementType, data, null, null);

    /// <summary>A weight in a file.</summary>
    public static Constant FromLocation(TensorType type, ElementType storedType, WeightRange location, AffineQuantization? quantization = null) =>
        new(type, storedType, null, location, quantization);

    /// <summary>The same elements under another shape.</summary>
    public Constant WithShape(Shape shape) => new(Type with { Shape = shape }, StoredType, Data, Location, Quantization);

    /// <summary>The same weight, converted to <paramref name="type"/> when it is read.</summary>
    public Constant WithType(ElementType type) => new(Type with { ElementType = type }, StoredType, Data, Location, Quantization);
}

/// <summary>real = (stored - <paramref name="ZeroPoint"/>) * <paramref name="Scale"/>.</summary>
internal readonly record struct AffineQuantization(float Scale, int ZeroPoint);
