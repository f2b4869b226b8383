namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>How pictures were made.</summary>
internal sealed record DiffusionInfo(string Prompt, string NegativePrompt, long Seed, IReadOnlyList<long> AllSeeds, int Width, int Height, string SdModelName, IReadOnlyList<string> Infotexts);
