using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop;

/// <summary>The element type and shape of a tensor.</summary>
/// <param name="ElementType">The type of the elements.</param>
/// <param name="Shape">The dimensions.</param>
public readonly record struct TensorType(ElementType ElementType, Shape Shape)
{
    /// <summary>The size of all elements in memory, in bytes.</summary>
    /// <exception cref="OverflowException">It does not fit into 63 bits.</exception>
    public long ByteLength => ElementType == ElementTypes.Blocks && Shape.Rank > 0 ? checked(Shape.Product(0, Shape.Rank - 1) * BlockRows.Instance.Bytes(Shape[^1])) : checked(Shape.ElementCount * ElementType.SizeOf());

    /// <summary>The size of all elements in a file, in bytes: as <see cref="ByteLength"/>, but elements of 4 and 2 bits share bytes.</summary>
    /// <exception cref="OverflowException">It does not fit into 63 bits.</exception>
    public long PackedByteLength => ByteLength / ElementType.PerByte() + (ByteLength % ElementType.PerByte() > 0 ? 1 : 0);

    /// <summary>As in <c>float[1,4,64,64]</c>.</summary>
    public override string ToString() => $"{ElementType.ToOnnxName()}{Shape}";
}
