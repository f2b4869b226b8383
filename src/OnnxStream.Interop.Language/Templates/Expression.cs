namespace OnnxStream.Interop.Language.Templates;

/// <summary>A part of a template that has a value.</summary>
internal delegate object? Expression(TemplateScope scope);
