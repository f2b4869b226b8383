namespace OnnxStream.Interop.Vision;

/// <summary>What a picture may show.</summary>
/// <param name="Index">The number of the class, from 0.</param>
/// <param name="Label">Its name, or its number where there are no names.</param>
/// <param name="Probability">How sure it is, 0 to 1; all classes together are 1.</param>
public readonly record struct ImageClass(int Index, string Label, float Probability);
