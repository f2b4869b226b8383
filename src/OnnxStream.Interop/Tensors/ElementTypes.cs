namespace OnnxStream.Interop;

/// <summary>Facts about element types.</summary>
public static class ElementTypes
{
    /// <summary>The size of one element in bytes; 0 for <see cref="ElementType.Undefined"/> and <see cref="ElementType.String"/>.</summary>
    public static int SizeOf(this ElementType type) => type switch
    {
        ElementType.Float32 or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Float64 or ElementType.Int64 or ElementType.UInt64 => 8,
        ElementType.Float16 or ElementType.BFloat16 or ElementType.Int16 or ElementType.UInt16 => 2,
        ElementType.Int8 or ElementType.UInt8 or ElementType.Bool => 1,
        _ => 0,
    };

    /// <summary>Whether elements are floating-point numbers.</summary>
    public static bool IsFloat(this ElementType type) =>
        type is ElementType.Float32 or ElementType.Float16 or ElementType.Float64 or ElementType.BFloat16;

    /// <summary>Whether elements are integers, signed or unsigned (<see cref="ElementType.Bool"/> is none).</summary>
    public static bool IsInteger(this ElementType type) =>
        type is ElementType.Int64 or ElementType.Int32 or ElementType.Int16 or ElementType.Int8
            or ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64;

    /// <summary>The name that ONNX uses, such as <c>float</c> or <c>int64</c>.</summary>
    public static string ToOnnxName(this ElementType type) => type switch
    {
        ElementType.Float32 => "float",
        ElementType.Float64 => "double",
        _ => type.ToString().ToLowerInvariant(),
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
