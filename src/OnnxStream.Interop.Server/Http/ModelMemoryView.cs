namespace OnnxStream.Interop.Server.Http;

/// <summary>What a model has of the memory, in bytes.</summary>
internal sealed record ModelMemoryView(string Name, bool IsOpen, int Jobs, long OpenBytes, long JobBytes);
