namespace OnnxStream.Interop.Language.Templates;

/// <summary>What stands behind a line in a template, and changes the value before it.</summary>
internal delegate object? TemplateFilter(object? value, CallArguments arguments);
