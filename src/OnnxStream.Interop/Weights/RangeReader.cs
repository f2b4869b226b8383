namespace OnnxStream.Interop.Weights;

/// <summary>Reads a range completely.</summary>
/// <param name="range">The range.</param>
/// <param name="destination">Receives the bytes; as long as the range.</param>
/// <exception cref="WeightsException">The bytes cannot be had.</exception>
internal delegate void RangeReader(in WeightRange range, Span<byte> destination);
