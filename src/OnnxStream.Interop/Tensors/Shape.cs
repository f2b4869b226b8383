using System.Runtime.InteropServices;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop;

/// <summary>The dimensions of a tensor, outermost first. A shape without dimensions is that of a scalar.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    /// <summary>The most dimensions that tensors of a model may have, as in NumPy: kernels keep a few numbers for each on their stack.</summary>
    internal const int MaximumRank = 64;

    private readonly long[]? _dimensions;

    /// <summary>Makes a shape of these dimensions.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A dimension is negative.</exception>
    /// <exception cref="OverflowException">The number of elements does not fit into 63 bits.</exception>
    public Shape(params ReadOnlySpan<long> dimensions)
    {
        long count = 1;
        bool empty = false;
        foreach (long dimension in dimensions)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dimension, nameof(dimensions));
            empty |= dimension == 0;
        }

        if (!empty)
        {
            foreach (long dimension in dimensions)
            {
                count = checked(count * dimension);
            }
        }

        _dimensions = dimensions.ToArray();
        ElementCount = empty ? 0 : count;
        _isSet = true;
    }

    private readonly bool _isSet;

    /// <summary>The shape of a scalar.</summary>
    public static Shape Scalar => default;

    /// <summary>The dimensions, outermost first.</summary>
    public ReadOnlySpan<long> Dimensions => _dimensions;

    /// <summary>The number of dimensions.</summary>
    public int Rank => _dimensions?.Length ?? 0;

    /// <summary>The number of elements: the product of the dimensions, 1 for a scalar.</summary>
    public long ElementCount => _isSet ? field : 1;

    /// <summary>The dimension at <paramref name="index"/>, from the outermost, 0, on.</summary>
    public long this[int index] => _dimensions![index];

    /// <summary>The dimension at <paramref name="index"/>; <c>^1</c> is the innermost.</summary>
    public long this[Index index] => _dimensions![index];

    /// <summary>The product of the dimensions from <paramref name="start"/> up to, not including, <paramref name="end"/>.</summary>
    public long Product(int start, int end)
    {
        long product = 1;
        for (int i = start; i < end; i++)
        {
            product = checked(product * _dimensions![i]);
        }

        return product;
    }

    /// <summary>The same shape with the dimension at <paramref name="index"/> replaced.</summary>
    public Shape With(int index, long dimension)
    {
        long[] copy = ToArray();
        copy[index] = dimension;
        return new Shape(copy);
    }

    /// <summary>A copy of the dimensions.</summary>
    public long[] ToArray() => _dimensions is null ? [] : [.. _dimensions];

    /// <summary>For each dimension, how many elements lie between two neighbours along it in row-major order.</summary>
    public long[] RowMajorStrides()
    {
        long[] strides = new long[Rank];
        long stride = 1;
        for (int i = Rank - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= _dimensions![i];
        }

        return strides;
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dimensions.SequenceEqual(other.Dimensions);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(MemoryMarshal.AsBytes(Dimensions));
        return hash.ToHashCode();
    }

    /// <summary>Whether both have the same dimensions.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Whether they differ in a dimension.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>The dimensions in brackets, as in <c>[1,4,64,64]</c>.</summary>
    public override string ToString() => $"[{Listing.Of(_dimensions ?? [])}]";
}
