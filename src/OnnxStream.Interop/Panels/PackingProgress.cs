namespace OnnxStream.Interop;

/// <summary>How far the packing of a panel store is.</summary>
/// <param name="Path">The file that is made.</param>
/// <param name="Panel">Panels done.</param>
/// <param name="PanelCount">Panels in all.</param>
public readonly record struct PackingProgress(string Path, int Panel, int PanelCount);
