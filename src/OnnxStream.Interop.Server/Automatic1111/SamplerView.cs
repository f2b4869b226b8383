namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>A sampler.</summary>
internal sealed record SamplerView(string Name, IReadOnlyList<string> Aliases, IReadOnlyDictionary<string, string> Options);
