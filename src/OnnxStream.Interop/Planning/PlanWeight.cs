namespace OnnxStream.Interop;

/// <summary>A weight that a plan divides into panels.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="NodeName">The node that it is used by, or the first of several.</param>
/// <param name="PanelType">The type in which its panels are packed.</param>
/// <param name="Panels">How many panels there are.</param>
/// <param name="PanelBytes">The bytes that they have in a store.</param>
public sealed record PlanWeight(string Name, string NodeName, ElementType PanelType, int Panels, long PanelBytes)
{
    // Layers share panels that are packed in the same way.
    internal string Identity { get; init; } = "";
}
