namespace OnnxStream.Interop.Language.Templates;

/// <summary>The value of a name that has none: empty as text, false, without elements.</summary>
/// <param name="Name">The name, for errors.</param>
internal sealed record Undefined(string Name);
