namespace OnnxStream.Interop.Server.Jobs;

/// <summary>A function that a model asks for.</summary>
/// <param name="Id">Tells it from others.</param>
/// <param name="Name">The function's name.</param>
/// <param name="Arguments">Its arguments, as the text of a JSON object.</param>
public sealed record ToolCall(string Id, string Name, string Arguments);
