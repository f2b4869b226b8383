namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>What a stream has besides pieces of the answer.</summary>
internal sealed record StreamOptions(bool? IncludeUsage);
