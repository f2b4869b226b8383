namespace OnnxStream.Interop.Language.Templates;

/// <summary>Errors of templates that are not written as templates are.</summary>
internal static class TemplateSyntax
{
    /// <summary>The error of a place.</summary>
    /// <param name="line">The line, from 1 on.</param>
    /// <param name="message">What is wrong.</param>
    public static FormatException Error(int line, string message) => new($"line {line}: {message}");
}
