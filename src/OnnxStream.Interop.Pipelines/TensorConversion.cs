using System.Numerics.Tensors;

namespace OnnxStream.Interop.Pipelines;

/// <summary>Between the single precision that pipelines compute in and the element types that models declare.</summary>
internal static class TensorConversion
{
    /// <summary>A tensor of numbers in the element type that the model declares for <paramref name="target"/>.</summary>
    public static TensorBuffer ToDeclaredType(ReadOnlySpan<float> values, Shape shape, ValueMetadata target, string path)
    {
        TensorBuffer tensor = new(target.ElementType == ElementType.Undefined ? ElementType.Float32 : target.ElementType, shape);
        switch (tensor.ElementType)
        {
            case ElementType.Float32:
                values.CopyTo(tensor.Span<float>());
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToHalf(values, tensor.Span<Half>());
                break;
            case ElementType.Float64:
                TensorPrimitives.ConvertTruncating<float, double>(values, tensor.Span<double>());
                break;
            case ElementType.Int64:
                Convert(values, tensor.Span<long>(), value => (long)MathF.Round(value));
                break;
            case ElementType.Int32:
                Convert(values, tensor.Span<int>(), value => (int)MathF.Round(value));
                break;
            default:
                throw new ModelFormatException(path, $"the input {target} has an element type that no text-to-image model is known to use.");
        }

        return tensor;
    }

    /// <summary>A tensor of ids in the element type that the model declares for <paramref name="target"/>.</summary>
    public static TensorBuffer ToDeclaredType(ReadOnlySpan<long> ids, Shape shape, ValueMetadata target, string path)
    {
        switch (target.ElementType)
        {
            case ElementType.Int64 or ElementType.Undefined:
                return TensorBuffer.Create(ids, shape.Dimensions);
            case ElementType.Int32:
                TensorBuffer tensor = new(ElementType.Int32, shape);
                TensorPrimitives.ConvertTruncating<long, int>(ids, tensor.Span<int>());
                return tensor;
            default:
                throw new ModelFormatException(path, $"the input {target} should have whole numbers as elements.");
        }
    }

    /// <summary>An output in single precision; itself if it is so already.</summary>
    public static TensorBuffer ToSingle(TensorBuffer tensor, string path)
    {
        if (tensor.ElementType == ElementType.Float32)
        {
            return tensor;
        }

        TensorBuffer single = new(ElementType.Float32, tensor.Shape);
        switch (tensor.ElementType)
        {
            case ElementType.Float16:
                TensorPrimitives.ConvertToSingle(tensor.Span<Half>(), single.Span<float>());
                break;
            case ElementType.Float64:
                TensorPrimitives.ConvertTruncating<double, float>(tensor.Span<double>(), single.Span<float>());
                break;
            default:
                throw new ModelFormatException(path, $"an output is {tensor.Type}; expected floating-point numbers.");
        }

        return single;
    }

    private static void Convert<T>(ReadOnlySpan<float> values, Span<T> destination, Func<float, T> convert)
    {
        for (int i = 0; i < values.Length; i++)
        {
            destination[i] = convert(values[i]);
        }
    }
}
