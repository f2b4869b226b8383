namespace OnnxStream.Interop.Server.Http;

/// <summary>The models as OpenAI's API lists them.</summary>
internal sealed record ModelList(string Object, IReadOnlyList<ModelView> Data);
