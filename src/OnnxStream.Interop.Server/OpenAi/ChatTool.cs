using System.Text.Json;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>A function that a model may ask for.</summary>
internal sealed record ChatTool(string Type, JsonElement Function);
