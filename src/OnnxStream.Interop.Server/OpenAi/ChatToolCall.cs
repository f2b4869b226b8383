namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>A function that a model asks for. Its index, the place among them, is there in streams only.</summary>
internal sealed record ChatToolCall(int? Index, string? Id, string? Type, ChatFunctionCall Function);
