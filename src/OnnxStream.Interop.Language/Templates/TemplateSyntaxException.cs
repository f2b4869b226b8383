namespace OnnxStream.Interop.Language.Templates;

/// <summary>A template is not written as templates are.</summary>
/// <param name="line">The line, from 1 on.</param>
/// <param name="message">What is wrong.</param>
internal sealed class TemplateSyntaxException(int line, string message) : Exception($"line {line}: {message}");
