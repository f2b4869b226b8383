namespace OnnxStream.Interop.Language.Templates;

/// <summary>A list that Python writes with parentheses.</summary>
/// <param name="elements">Its elements.</param>
internal sealed class TemplateTuple(IEnumerable<object?> elements) : List<object?>(elements);
