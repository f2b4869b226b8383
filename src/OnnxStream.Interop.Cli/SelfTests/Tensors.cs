using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>Tensors of the self-test: made from random numbers, and read as doubles.</summary>
internal static class Tensors
{
    /// <summary>Numbers from -1 to 1.</summary>
    public static TensorBuffer Random(Random random, params long[] dimensions) => RandomBetween(random, -1, 1, dimensions);

    /// <summary>Numbers from <paramref name="low"/> to <paramref name="high"/>.</summary>
    public static TensorBuffer RandomBetween(Random random, double low, double high, params long[] dimensions)
    {
        TensorBuffer tensor = new(ElementType.Float32, new Shape(dimensions));
        foreach (ref float element in tensor.Span<float>())
        {
            element = (float)(low + ((high - low) * random.NextDouble()));
        }

        return tensor;
    }

    /// <summary>The same numbers, rounded to half precision.</summary>
    public static TensorBuffer ToHalf(TensorBuffer tensor)
    {
        TensorBuffer result = new(ElementType.Float16, tensor.Shape);
        for (int i = 0; i < result.Span<Half>().Length; i++)
        {
            result.Span<Half>()[i] = (Half)tensor.Span<float>()[i];
        }

        return result;
    }

    /// <summary>The elements, one after the other.</summary>
    public static double[] Values(TensorBuffer tensor) => tensor.ElementType switch
    {
        ElementType.Float32 => [.. tensor.Span<float>().ToArray().Select(element => (double)element)],
        ElementType.Float16 => [.. tensor.Span<Half>().ToArray().Select(element => (double)element)],
        ElementType.Int64 => [.. tensor.Span<long>().ToArray().Select(element => (double)element)],
        ElementType.Int32 => [.. tensor.Span<int>().ToArray().Select(element => (double)element)],
        ElementType.Int8 => [.. tensor.Span<sbyte>().ToArray().Select(element => (double)element)],
        ElementType.UInt8 => [.. tensor.Span<byte>().ToArray().Select(element => (double)element)],
        ElementType.Bool => [.. MemoryMarshal.Cast<bool, byte>(tensor.Span<bool>()).ToArray().Select(element => (double)element)],
        _ => throw new ArgumentException($"Elements of the type {tensor.ElementType} are not tested.", nameof(tensor)),
    };
}
