namespace OnnxStream.Interop.Quantization;

/// <summary>Some output channels.</summary>
/// <param name="Weight">The weight.</param>
/// <param name="First">The first channel.</param>
/// <param name="Count">How many.</param>
/// <param name="Integers">Those of a channel behind each other, two in a byte, plus 8.</param>
/// <param name="Scales">What they are multiplied with, one for each block.</param>
internal sealed record BlockBand(BlockedWeight Weight, long First, int Count, byte[] Integers, float[] Scales);
