namespace OnnxStream.Interop.Graphs;

/// <summary>The kinds of values that the ONNX specification gives attributes.</summary>
internal enum AttributeKind
{
    /// <summary>A number.</summary>
    Float,

    /// <summary>An integer.</summary>
    Int,

    /// <summary>A text.</summary>
    String,

    /// <summary>A tensor.</summary>
    Tensor,

    /// <summary>A graph.</summary>
    Graph,

    /// <summary>A sparse tensor, of which readers make nodes.</summary>
    SparseTensor,

    /// <summary>A type, which no reader makes.</summary>
    TypeProto,

    /// <summary>Numbers.</summary>
    Floats,

    /// <summary>Integers.</summary>
    Ints,

    /// <summary>Texts.</summary>
    Strings,
}
