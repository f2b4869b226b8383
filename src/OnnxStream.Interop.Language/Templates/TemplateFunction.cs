namespace OnnxStream.Interop.Language.Templates;

/// <summary>Something that a template can call.</summary>
/// <param name="arguments">What it is given by place.</param>
/// <param name="named">What it is given by name.</param>
internal delegate object? TemplateFunction(IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named);
