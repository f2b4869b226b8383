namespace OnnxStream.Interop.Fleet;

/// <summary>A file of a result that lies in the store for files.</summary>
internal sealed record StoredPart(string ContentType, int? Width, int? Height, long? Seed, string? Parameters);
