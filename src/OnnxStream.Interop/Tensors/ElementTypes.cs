namespace OnnxStream.Interop;

/// <summary>Facts about element types.</summary>
public static class ElementTypes
{
    /// <summary>The elements of a plan's tensor that is stored in blocks of 8 bits (<see cref="Tensors.BlockRows"/>). No file and no user has them, and none has a size of its own.</summary>
    internal const ElementType Blocks = (ElementType)(-8);

    /// <summary>The size of one element in memory, in bytes; 0 for <see cref="ElementType.Undefined"/> and <see cref="ElementType.String"/>. An element of 4 or 2 bits takes a byte.</summary>
    public static int SizeOf(this ElementType type) => type switch
    {
        ElementType.Float32 or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Float64 or ElementType.Int64 or ElementType.UInt64 => 8,
        ElementType.Float16 or ElementType.BFloat16 or ElementType.Int16 or ElementType.UInt16 => 2,
        ElementType.Int8 or ElementType.UInt8 or ElementType.Bool => 1,
        _ => type.IsNarrow() ? 1 : 0,
    };

    /// <summary>How many elements one byte of a file holds: 2 of 4-bit types, 4 of 2-bit types; 1 for all others, however large they are.</summary>
    public static int PerByte(this ElementType type) => type switch
    {
        ElementType.UInt4 or ElementType.Int4 or ElementType.Float4E2M1 => 2,
        ElementType.UInt2 or ElementType.Int2 => 4,
        _ => 1,
    };

    /// <summary>Whether elements are of a type that numbers are only stored in: operators move, convert and quantize them, and compute in wider types.</summary>
    public static bool IsNarrow(this ElementType type) => type is >= ElementType.Float8E4M3FN and <= ElementType.Int2;

    /// <summary>The type of a narrow element in memory: int8 for signed integers, uint8 for other integers and the codes of floats. Other types are held as they are.</summary>
    public static ElementType HeldAs(this ElementType type) =>
        type is ElementType.Int4 or ElementType.Int2 ? ElementType.Int8 : type.IsNarrow() ? ElementType.UInt8 : type;

    /// <summary>Whether elements are floating-point numbers of 8 or 4 bits, which are held as codes of one byte each.</summary>
    public static bool IsNarrowFloat(this ElementType type) =>
        type is ElementType.Float8E4M3FN or ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2 or ElementType.Float8E5M2FNUZ or ElementType.Float8E8M0 or ElementType.Float4E2M1;

    /// <summary>Whether elements are integers of 4 or 2 bits, which are held as bytes.</summary>
    public static bool IsNarrowInteger(this ElementType type) => type is ElementType.UInt4 or ElementType.Int4 or ElementType.UInt2 or ElementType.Int2;

    /// <summary>Whether elements are floating-point numbers that operators compute with: of 16 bits or more (<see cref="IsNarrowFloat"/> are not among them).</summary>
    public static bool IsFloat(this ElementType type) =>
        type is ElementType.Float32 or ElementType.Float16 or ElementType.Float64 or ElementType.BFloat16;

    /// <summary>Whether elements are integers that operators compute with, signed or unsigned, of 8 bits or more (<see cref="ElementType.Bool"/> is none, <see cref="IsNarrowInteger"/> are not among them).</summary>
    public static bool IsInteger(this ElementType type) =>
        type is ElementType.Int64 or ElementType.Int32 or ElementType.Int16 or ElementType.Int8
            or ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64;

    /// <summary>The name that ONNX uses, such as <c>float</c> or <c>int64</c>.</summary>
    public static string ToOnnxName(this ElementType type) => type switch
    {
        ElementType.Float32 => "float",
        ElementType.Float64 => "double",
        Blocks => "int8 blocks",
        _ => Tensors.BlockEncoding.Find(type)?.Name ?? type.ToString().ToLowerInvariant(),
    };

    /// <summary>The element type of the .NET type <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">No tensor has elements of that type.</exception>
    public static ElementType Of<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? ElementType.Float32 :
        typeof(T) == typeof(long) ? ElementType.Int64 :
        typeof(T) == typeof(int) ? ElementType.Int32 :
        typeof(T) == typeof(bool) ? ElementType.Bool :
        typeof(T) == typeof(Half) ? ElementType.Float16 :
        typeof(T) == typeof(double) ? ElementType.Float64 :
        typeof(T) == typeof(byte) ? ElementType.UInt8 :
        typeof(T) == typeof(sbyte) ? ElementType.Int8 :
        typeof(T) == typeof(ushort) ? ElementType.UInt16 :
        typeof(T) == typeof(short) ? ElementType.Int16 :
        typeof(T) == typeof(uint) ? ElementType.UInt32 :
        typeof(T) == typeof(ulong) ? ElementType.UInt64 :
        throw new ArgumentException($"Tensors have no elements of type {typeof(T)}.");
}
