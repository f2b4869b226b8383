namespace OnnxStream.Interop.Language.Templates;

/// <summary>A dictionary of a template: it keeps the order of its entries.</summary>
internal sealed class TemplateMap : OrderedDictionary<string, object?>
{
    /// <summary>Starts empty.</summary>
    public TemplateMap()
        : base(StringComparer.Ordinal)
    {
    }

    /// <summary>Whether templates may set entries: what <c>namespace()</c> makes.</summary>
    public bool IsNamespace { get; init; }
}
