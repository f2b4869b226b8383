using System.Runtime.InteropServices;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tensors;

/// <summary>The data of a constant value: in memory where it is small, or a place in a source where it is a weight.</summary>
/// <remarks>Whoever needs all of a weight at once reads it with <see cref="Read"/>: by the provider of the session that the constant belongs to, or, in a model, from the source.</remarks>
internal sealed class Constant
{
    private readonly RangeReader? _reader;

    private Constant(TensorType type, ElementType storedType, byte[]? data, WeightRange? location, WeightQuantization? quantization, bool isChannelsLast = false, RangeReader? reader = null)
    {
        _reader = reader;
        Type = type;
        StoredType = storedType;
        Data = data;
        Location = location;
        Quantization = quantization;
        IsChannelsLast = isChannelsLast;
    }

    /// <summary>What computations see.</summary>
    public TensorType Type { get; }

    /// <summary>What lies in the file; another type than <see cref="Type"/>'s is converted when it is read. A <see cref="BlockEncoding"/> has a type that no tensor has.</summary>
    public ElementType StoredType { get; }

    /// <summary>The elements, row-major, little-endian, those of 4 and 2 bits in a byte each; null for a weight that stays where it is.</summary>
    public byte[]? Data { get; }

    /// <summary>Where the weight lies; null for data in memory.</summary>
    public WeightRange? Location { get; }

    /// <summary>How stored integers, or small floats, stand for real numbers; null where they stand for themselves.</summary>
    public WeightQuantization? Quantization { get; }

    /// <summary>
    /// Whether the bytes of a weight [N, C, space…] lie as [N, space…, C] in its file, which is what convolutions compute with.
    /// Only weights of convolutions do; whoever reads <see cref="Location"/> itself must know, everyone else is given a converted tensor.
    /// </summary>
    public bool IsChannelsLast { get; }

    /// <summary>How the numbers of a weight lie in blocks; null where each has bits of its own.</summary>
    public BlockEncoding? Encoding => BlockEncoding.Find(StoredType);

    /// <summary>Whether several elements share a byte where the weight lies. They are given a byte each when it is read.</summary>
    public bool IsPacked => Location is not null && StoredType.PerByte() > 1;

    /// <summary>Whether the bytes of the weight are not yet what computations see, even where they lie in the order of its shape.</summary>
    public bool IsConverted => IsPacked || StoredType != Type.ElementType;

    /// <summary>A constant in memory.</summary>
    public static Constant FromData(TensorType type, byte[] data) => new(type, type.ElementType, data, null, null);

    /// <summary>A constant of these elements.</summary>
    public static Constant Of<T>(Shape shape, params ReadOnlySpan<T> elements)
        where T : unmanaged => FromData(new TensorType(ElementTypes.Of<T>(), shape), MemoryMarshal.AsBytes(elements).ToArray());

    /// <summary>A weight in a file.</summary>
    public static Constant FromLocation(TensorType type, ElementType storedType, WeightRange location, WeightQuantization? quantization = null) =>
        new(type, storedType, null, location, quantization);

    /// <summary>A weight in a file, of the shape [N, C, space…], that lies there as [N, space…, C].</summary>
    public static Constant FromChannelsLastLocation(TensorType type, ElementType storedType, WeightRange location, WeightQuantization? quantization = null) =>
        new(type, storedType, null, location, quantization, isChannelsLast: true);

    /// <summary>The same elements under another shape.</summary>
    public Constant WithShape(Shape shape) =>
        IsChannelsLast && shape != Type.Shape ? throw new InvalidOperationException("A channels-last weight has no other shape.") :
        new(Type with { Shape = shape }, StoredType, Data, Location, Quantization, IsChannelsLast, _reader);

    /// <summary>Whether a part that begins with this element begins with a byte of the weight, and has scales of its own where the weight has some.</summary>
    public bool CanPart(long first) => (!IsPacked || first % StoredType.PerByte() == 0) && (Encoding is not { } encoding || first % encoding.Elements == 0) && Quantization?.CanPart(first) != false;

    /// <summary>The elements from <paramref name="first"/> on, as many as fill <paramref name="shape"/>.</summary>
    public Constant Part(long first, Shape shape)
    {
        (long start, long length) = Encoding is { } encoding ? (encoding.BytesOf(first), encoding.BytesOf(shape.ElementCount)) : IsPacked ? (first / StoredType.PerByte(), new TensorType(StoredType, shape).PackedByteLength) : (first * StoredType.SizeOf(), shape.ElementCount * StoredType.SizeOf());
        return new(Type with { Shape = shape }, StoredType, Data?.AsSpan((int)start, (int)length).ToArray(), Location?.Slice(start, length), Quantization?.Part(first, shape.ElementCount), reader: _reader);
    }

    /// <summary>The same constant, read by a session's provider.</summary>
    public Constant ReadBy(RangeReader? reader) =>
        Location is null || reader is null || Equals(_reader, reader) ? this : new(Type, StoredType, Data, Location, Quantization?.ReadBy(reader), IsChannelsLast, reader);

    /// <summary>Copies stored bytes.</summary>
    /// <param name="offset">The first byte.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <exception cref="WeightsException">They cannot be read.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (Location is not { } location)
        {
            Data.AsSpan((int)offset, destination.Length).CopyTo(destination);
        }
        else if (destination.Length > 0)
        {
            WeightRange part = location.Slice(offset, destination.Length);
            if (_reader is null)
            {
                part.Read(destination);
            }
            else
            {
                _reader(part, destination);
            }
        }
    }

    /// <summary>Copies all elements of a constant that is not stored in another type, in the order in which they are stored.</summary>
    /// <param name="destination">Receives them, those of 4 and 2 bits in a byte each; has room for all.</param>
    /// <exception cref="WeightsException">They cannot be read.</exception>
    public void ReadElements(Span<byte> destination)
    {
        if (!IsPacked)
        {
            Read(0, destination);
            return;
        }

        byte[] packed = new byte[checked((int)Type.PackedByteLength)];
        Read(0, packed);
        PackedElements.Unpack(StoredType, packed, destination);
    }

    /// <summary>The number of a floating-point constant in memory that has one element; null for any other.</summary>
    public float? TryReadScalar() => Data is null || Type.Shape.ElementCount != 1 ? null : Type.ElementType switch
    {
        ElementType.Float32 => MemoryMarshal.Read<float>(Data),
        ElementType.Float64 => (float)MemoryMarshal.Read<double>(Data),
        ElementType.Float16 => (float)MemoryMarshal.Read<Half>(Data),
        _ => null,
    };

    /// <summary>The elements of an int64 constant in memory; null for any other.</summary>
    public long[]? TryReadIntegers() => Data is not null && Type.ElementType == ElementType.Int64 ? MemoryMarshal.Cast<byte, long>(Data).ToArray() : null;

    /// <summary>The weight in single precision whose stored numbers are those of <paramref name="stored"/>, a weight in a file.</summary>
    /// <param name="stored">Integers or small floats.</param>
    /// <param name="quantization">What they stand for.</param>
    public static Constant Quantized(Constant stored, WeightQuantization quantization) =>
        new(stored.Type with { ElementType = ElementType.Float32 }, stored.StoredType, null, stored.Location ?? throw new ArgumentException("Only a weight in a file stays quantized.", nameof(stored)), quantization, reader: stored._reader);

    /// <summary>Bytes as elements of 8 bits or less, of which several may share a byte, the first in its lowest bits.</summary>
    /// <param name="type">The type of the elements.</param>
    /// <param name="shape">How many, and in which shape: as many as the bytes hold.</param>
    public Constant AsElements(ElementType type, Shape shape)
    {
        if (Data is null)
        {
            return new(new TensorType(type, shape), type, null, Location, null, reader: _reader);
        }

        byte[] elements = Data;
        if (type.PerByte() > 1)
        {
            elements = new byte[checked((int)shape.ElementCount)];
            PackedElements.Unpack(type, Data, elements);
        }

        return FromData(new TensorType(type, shape), elements);
    }

    /// <summary>The same weight, converted to <paramref name="type"/> when it is read.</summary>
    public Constant WithType(ElementType type) => new(Type with { ElementType = type }, StoredType, Data, Location, Quantization, IsChannelsLast, _reader);
}
