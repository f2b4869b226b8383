namespace OnnxStream.Interop.Tensors;

/// <summary>How numbers become narrow floats. The default is that of ONNX's Cast.</summary>
/// <param name="Overflows">Whether numbers beyond the largest one become infinite, or NaN where there is no infinity, instead of the largest one.</param>
/// <param name="Scale">The direction for float8e8m0.</param>
internal readonly record struct NarrowRounding(bool Overflows = false, ScaleRounding Scale = ScaleRounding.Up);
