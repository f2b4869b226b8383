namespace OnnxStream.Interop.Fuzzing.Seeds;

/// <summary>Tensors for models that are made here.</summary>
internal static class SeedTensors
{
    /// <summary>Numbers between -1 and 1 that are not alike: the sines of 0, 1, 2 and so on.</summary>
    public static TensorBuffer Sines(params long[] dimensions)
    {
        TensorBuffer tensor = new(ElementType.Float32, new Shape(dimensions));
        Span<float> elements = tensor.Span<float>();
        for (int i = 0; i < elements.Length; i++)
        {
            elements[i] = MathF.Sin(i);
        }

        return tensor;
    }
}
