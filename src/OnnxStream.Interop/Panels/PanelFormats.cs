namespace OnnxStream.Interop.Panels;

/// <summary>The formats of panels: one explicit list.</summary>
internal static class PanelFormats
{
    /// <summary>Single precision, which everything is computed in unless something else was asked for.</summary>
    public static PanelFormat Default { get; } = new Float32Format();

    /// <summary>8 bits, for weights that a format of fewer bits does not take.</summary>
    public static Int8Format Int8 { get; } = new();

    /// <summary>All formats.</summary>
    public static IReadOnlyList<PanelFormat> All { get; } =
    [
        Default,
        new Float16Format(),
        new BFloat16Format(),
        Int8,
        new Int4Format(),
    ];

    /// <summary>The format that a user chooses by an element type; null if there is none.</summary>
    public static PanelFormat? For(ElementType storedType) => All.FirstOrDefault(format => format.StoredType == storedType);
}
