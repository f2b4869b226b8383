using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop;

/// <summary>A dense tensor in managed memory, row-major: what goes into and comes out of a session.</summary>
public sealed class TensorBuffer
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

    /// <summary>The elements as bytes, in the byte order of the machine.</summary>
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

    /// <summary>The elements, in row-major order.</summary>
    /// <exception cref="InvalidOperationException">The elements are of another type.</exception>
    public Span<T> Span<T>()
        where T : unmanaged
    {
        if (ElementTypes.Of<T>() != ElementType)
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
