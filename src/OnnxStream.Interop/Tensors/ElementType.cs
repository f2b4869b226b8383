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
}
