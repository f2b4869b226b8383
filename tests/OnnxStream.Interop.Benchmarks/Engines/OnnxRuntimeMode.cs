namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>How ONNX Runtime is set up.</summary>
public enum OnnxRuntimeMode
{
    /// <summary>As it comes.</summary>
    Default,

    /// <summary>What saves memory and costs little time: no arena, no memory pattern, no packed copies of weights.</summary>
    Lean,

    /// <summary>As <see cref="Lean"/>, and the graph is not optimized, so that no weight is folded into a new one.</summary>
    Unoptimized,
}
