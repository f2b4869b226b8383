namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>The name and the arguments, as the text of a JSON object.</summary>
internal sealed record ChatFunctionCall(string Name, string Arguments);
