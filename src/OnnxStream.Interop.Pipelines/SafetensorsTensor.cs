namespace OnnxStream.Interop.Pipelines;

/// <summary>A tensor of a <see cref="SafetensorsFile"/>, which is not read yet.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ElementType">The type of its elements; <see cref="ElementType.Undefined"/> for one that this library does not know.</param>
/// <param name="TypeName">The type as the file has it.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Offset">Its first byte in the file.</param>
internal sealed record SafetensorsTensor(string Name, ElementType ElementType, string TypeName, Shape Shape, long Offset)
{
    /// <summary>The number of its bytes.</summary>
    public long Length => Shape.ElementCount * ElementType.SizeOf();
}
