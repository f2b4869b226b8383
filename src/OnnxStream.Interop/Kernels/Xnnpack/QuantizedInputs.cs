namespace OnnxStream.Interop.Kernels;

/// <summary>Which inputs of a step are scales and zero points, of one element each; negative for one that is not there.</summary>
/// <param name="Scale">The scale of the data; 1 if it is not there.</param>
/// <param name="ZeroPoint">The zero point of the data, of its type; 0 if it is not there.</param>
/// <param name="ResultScale">The scale of the results; 1 if it is not there.</param>
/// <param name="ResultZeroPoint">The zero point of the results, of their type; 0 if it is not there.</param>
internal readonly record struct QuantizedInputs(int Scale, int ZeroPoint, int ResultScale, int ResultZeroPoint);
