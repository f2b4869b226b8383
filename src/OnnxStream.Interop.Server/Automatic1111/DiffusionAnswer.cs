namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>Pictures as PNG files in base 64; how they were made, as JSON in a text.</summary>
internal sealed record DiffusionAnswer(IReadOnlyList<byte[]> Images, DiffusionRequest Parameters, string Info);
