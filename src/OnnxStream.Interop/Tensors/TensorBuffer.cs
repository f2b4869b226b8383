using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop;

/// <summary>A dense tensor in managed memory, row-major: what goes into and comes out of a session.</summary>
public sealed class TensorBuffer : OnnxValue
{
    private readonly byte[] _bytes;

    /// <summary>Makes a tensor of zeros.</summary>
    /// <exception cref="ArgumentException">The element type has no fixed size, or the tensor is 2 GiB or larger.</exception>
    public TensorBuffer(ElementType elementType, Shape shape)
        : this(new TensorType(elementType, shape)) => _bytes.AsSpan().Clear();

    // Its elements are anything.
    private TensorBuffer(TensorType type)
    {
        ElementType elementType = type.ElementType;
        if (elementType.SizeOf() == 0)
        {
            throw new ArgumentException($"Tensors of element type {elementType} are not supported.", nameof(type));
        }

        Type = type;
        long length = Type.ByteLength;
        if (length > Array.MaxLength)
        {
            throw new ArgumentException($"A tensor of {Type} needs {length:N0} bytes; at most {Array.MaxLength:N0} are possible.", nameof(type));
        }

        _bytes = GC.AllocateUninitializedArray<byte>((int)length);
    }

    /// <summary>The element type and shape.</summary>
    public TensorType Type { get; }

    /// <summary>The type of the elements.</summary>
    public ElementType ElementType => Type.ElementType;

    /// <summary>The dimensions.</summary>
    public Shape Shape => Type.Shape;

    /// <summary>The elements as bytes, in the byte order of the machine. Integers of 4 and 2 bits, and codes of 8-bit and 4-bit floats, are one byte each.</summary>
    public Span<byte> Bytes => _bytes;

    /// <summary>Makes a tensor that is overwritten as a whole before anybody reads it.</summary>
    /// <exception cref="ArgumentException">The element type has no fixed size, or the tensor is 2 GiB or larger.</exception>
    internal static TensorBuffer Uninitialized(TensorType type) => new(type);

    /// <summary>Copies elements into a new tensor.</summary>
    /// <param name="elements">The elements in row-major order.</param>
    /// <param name="dimensions">The dimensions, outermost first.</param>
    /// <exception cref="ArgumentException">The number of elements is not the product of the dimensions.</exception>
    public static TensorBuffer Create<T>(ReadOnlySpan<T> elements, params ReadOnlySpan<long> dimensions)
        where T : unmanaged
    {
        Shape shape = new(dimensions);
        if (shape.ElementCount != elements.Length)
        {
            throw new ArgumentException($"{elements.Length} elements do not fill a tensor of shape {shape}, which has {shape.ElementCount}.", nameof(elements));
        }

        TensorBuffer tensor = new(ElementTypes.Of<T>(), shape);
        MemoryMarshal.AsBytes(elements).CopyTo(tensor._bytes);
        return tensor;
    }

    /// <summary>Copies a tensor of <c>System.Numerics.Tensors</c>.</summary>
    public static TensorBuffer Create<T>(in ReadOnlyTensorSpan<T> tensor)
        where T : unmanaged
    {
        long[] dimensions = new long[tensor.Rank];
        for (int i = 0; i < dimensions.Length; i++)
        {
            dimensions[i] = tensor.Lengths[i];
        }

        TensorBuffer copy = new(ElementTypes.Of<T>(), new Shape(dimensions));
        tensor.FlattenTo(copy.Span<T>());
        return copy;
    }

    /// <summary>Makes a tensor of the bytes that a file has for it, where elements of 4 bits lie two to a byte and those of 2 bits four, the first one in the lowest bits.</summary>
    /// <param name="elementType">The type. Elements of 8 bits and more are copied.</param>
    /// <param name="packed">The bytes, <see cref="TensorType.PackedByteLength"/> of them.</param>
    /// <param name="dimensions">The dimensions, outermost first.</param>
    /// <exception cref="ArgumentException">There are more or fewer bytes.</exception>
    public static TensorBuffer FromPacked(ElementType elementType, ReadOnlySpan<byte> packed, params ReadOnlySpan<long> dimensions)
    {
        TensorBuffer tensor = new(elementType, new Shape(dimensions));
        if (tensor.Type.PackedByteLength != packed.Length)
        {
            throw new ArgumentException($"A tensor of {tensor.Type} has {tensor.Type.PackedByteLength:N0} bytes in a file, not {packed.Length:N0}.", nameof(packed));
        }

        if (elementType.PerByte() > 1)
        {
            PackedElements.Unpack(elementType, packed, tensor._bytes);
        }
        else
        {
            packed.CopyTo(tensor._bytes);
        }

        return tensor;
    }

    /// <summary>The bytes that a file has for the tensor: what <see cref="FromPacked"/> takes.</summary>
    public byte[] ToPacked() => ElementType.PerByte() > 1 ? PackedElements.Pack(ElementType, _bytes) : [.. _bytes];

    /// <summary>The elements converted to another type, as ONNX's Cast does by default: numbers of types that .NET does not have are written and read this way.</summary>
    /// <param name="elementType">The type.</param>
    /// <returns>A new tensor. Floats are rounded to the nearest, ties to even (float8e8m0: up), and 8-bit and 4-bit floats saturate.</returns>
    /// <exception cref="ArgumentException">There are no numbers of that type.</exception>
    public unsafe TensorBuffer ConvertTo(ElementType elementType)
    {
        TensorBuffer tensor = new(elementType, Shape);
        fixed (byte* source = _bytes, destination = tensor._bytes)
        {
            ElementConversion.Convert(ElementType, source, elementType, destination, Shape.ElementCount);
        }

        return tensor;
    }

    /// <summary>The elements, in row-major order: <c>int4</c> and <c>int2</c> as <see cref="sbyte"/>; <c>uint4</c> and <c>uint2</c>, and the codes of 8-bit and 4-bit floats, as <see cref="byte"/>.</summary>
    /// <exception cref="InvalidOperationException">The elements are of another type.</exception>
    public Span<T> Span<T>()
        where T : unmanaged
    {
        if (ElementTypes.Of<T>() != ElementType && ElementTypes.Of<T>() != ElementType.HeldAs())
        {
            throw new InvalidOperationException($"The tensor's elements are {ElementType}, not {ElementTypes.Of<T>()}.");
        }

        return MemoryMarshal.Cast<byte, T>(_bytes.AsSpan());
    }

    /// <summary>A view of the elements as a tensor span.</summary>
    /// <exception cref="InvalidOperationException">The elements are of another type.</exception>
    public TensorSpan<T> AsTensorSpan<T>()
        where T : unmanaged
    {
        nint[] lengths = Array.ConvertAll(Shape.ToArray(), dimension => checked((nint)dimension));
        return new TensorSpan<T>(Span<T>(), lengths);
    }

    /// <summary>A copy as a <see cref="Tensor{T}"/>.</summary>
    /// <exception cref="InvalidOperationException">The elements are of another type.</exception>
    public Tensor<T> ToTensor<T>()
        where T : unmanaged
    {
        nint[] lengths = Array.ConvertAll(Shape.ToArray(), dimension => checked((nint)dimension));
        return Tensor.Create(Span<T>().ToArray(), lengths);
    }

    /// <summary>The element type and shape.</summary>
    public override string ToString() => Type.ToString();
}
