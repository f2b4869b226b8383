namespace OnnxStream.Interop;

/// <summary>The type of a tensor's elements. The numbers are those of ONNX's <c>TensorProto.DataType</c>.</summary>
public enum ElementType
{
    /// <summary>Not known.</summary>
    Undefined = 0,

    /// <summary>IEEE 754 single precision, 4 bytes (<see cref="float"/>).</summary>
    Float32 = 1,

    /// <summary>Unsigned 8-bit integer (<see cref="byte"/>).</summary>
    UInt8 = 2,

    /// <summary>Signed 8-bit integer (<see cref="sbyte"/>).</summary>
    Int8 = 3,

    /// <summary>Unsigned 16-bit integer (<see cref="ushort"/>).</summary>
    UInt16 = 4,

    /// <summary>Signed 16-bit integer (<see cref="short"/>).</summary>
    Int16 = 5,

    /// <summary>Signed 32-bit integer (<see cref="int"/>).</summary>
    Int32 = 6,

    /// <summary>Signed 64-bit integer (<see cref="long"/>).</summary>
    Int64 = 7,

    /// <summary>Text. Recognised in files, not supported in computations.</summary>
    String = 8,

    /// <summary>Truth value, 1 byte, 0 or 1 (<see cref="bool"/>).</summary>
    Bool = 9,

    /// <summary>IEEE 754 half precision, 2 bytes (<see cref="System.Half"/>).</summary>
    Float16 = 10,

    /// <summary>IEEE 754 double precision, 8 bytes (<see cref="double"/>).</summary>
    Float64 = 11,

    /// <summary>Unsigned 32-bit integer (<see cref="uint"/>).</summary>
    UInt32 = 12,

    /// <summary>Unsigned 64-bit integer (<see cref="ulong"/>).</summary>
    UInt64 = 13,

    /// <summary>The upper half of an IEEE 754 single, 2 bytes.</summary>
    BFloat16 = 16,

    /// <summary>8-bit float: sign, 4 bits of exponent, 3 of mantissa; NaN, no infinities. Its code is a byte.</summary>
    Float8E4M3FN = 17,

    /// <summary>As <see cref="Float8E4M3FN"/> with another bias, one NaN and no negative zero. Its code is a byte.</summary>
    Float8E4M3FNUZ = 18,

    /// <summary>8-bit float: the upper byte of an IEEE 754 half, with NaN and infinities. Its code is a byte.</summary>
    Float8E5M2 = 19,

    /// <summary>As <see cref="Float8E5M2"/> with another bias, one NaN, no infinities and no negative zero. Its code is a byte.</summary>
    Float8E5M2FNUZ = 20,

    /// <summary>Unsigned 4-bit integer, 0 to 15. In memory a <see cref="byte"/>, in files two to a byte.</summary>
    UInt4 = 21,

    /// <summary>Signed 4-bit integer, -8 to 7. In memory an <see cref="sbyte"/>, in files two to a byte.</summary>
    Int4 = 22,

    /// <summary>4-bit float: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives. Its code, 0 to 15, is a byte in memory; in files two are.</summary>
    Float4E2M1 = 23,

    /// <summary>Power of two, 2^-127 to 2^127, or NaN: a scale. Its code is a byte.</summary>
    Float8E8M0 = 24,

    /// <summary>Unsigned 2-bit integer, 0 to 3. In memory a <see cref="byte"/>, in files four to a byte.</summary>
    UInt2 = 25,

    /// <summary>Signed 2-bit integer, -2 to 1. In memory an <see cref="sbyte"/>, in files four to a byte.</summary>
    Int2 = 26,
}
