namespace OnnxStream.Interop.Language.Templates;

/// <summary>A part of a template.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text; of a string, what it stands for.</param>
/// <param name="Line">Its line, from 1 on.</param>
internal readonly record struct TemplateToken(TokenKind Kind, string Text, int Line);
