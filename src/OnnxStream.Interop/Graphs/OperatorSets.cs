namespace OnnxStream.Interop.Graphs;

/// <summary>The domains of operators, and the versions of ONNX's own operator set that are understood.</summary>
internal static class OperatorSets
{
    /// <summary>The oldest version of ONNX's operator set whose models are understood.</summary>
    public const int Oldest = 6;

    /// <summary>The newest version. Nodes that this library makes are written in it.</summary>
    public const int Newest = 28;

    /// <summary>The domain of operators that only rewrites make.</summary>
    public const string InternalDomain = "onnxstream";

    /// <summary>The domain of operators that the ONNX project tries out.</summary>
    public const string PreviewDomain = "ai.onnx.preview";

    /// <summary>The domain of operators that ONNX Runtime added.</summary>
    public const string MicrosoftDomain = "com.microsoft";
}
