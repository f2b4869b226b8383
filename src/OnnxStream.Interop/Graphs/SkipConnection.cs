namespace OnnxStream.Interop;

/// <summary>A place where a network puts what its deep layers made beside what a shallow one made before them, as a U-Net does on its way up.</summary>
/// <param name="NodeName">The node that puts them together; may be empty.</param>
/// <param name="Deep">The value that the deep layers made, from the other one among others.</param>
/// <param name="Shallow">The value that they made it from.</param>
public sealed record SkipConnection(string NodeName, string Deep, string Shallow);
