namespace OnnxStream.Interop.Panels;

/// <summary>Copies bytes of a weight that is not in memory.</summary>
/// <param name="offset">The first byte, from the start of the weight.</param>
/// <param name="destination">Receives the bytes.</param>
internal delegate void WeightReader(long offset, Span<byte> destination);
