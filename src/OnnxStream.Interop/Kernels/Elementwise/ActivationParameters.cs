namespace OnnxStream.Interop.Kernels;

/// <summary>The parameters of an <see cref="ActivationFunction"/>.</summary>
/// <param name="Alpha">The first: the slope, threshold or scale of ONNX's definition.</param>
/// <param name="Beta">The second, where there is one.</param>
/// <param name="IsApproximate">Whether Gelu is approximated by a hyperbolic tangent.</param>
internal readonly record struct ActivationParameters(float Alpha, float Beta, bool IsApproximate);
