using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>What models that take pictures have in common.</summary>
internal static class VisionModel
{
    /// <summary>The names of the picture's input and of the output, or the error that the model is of another task.</summary>
    /// <param name="stage">The model.</param>
    /// <param name="what">What the model should be, for the error.</param>
    /// <param name="rank">The dimensions of the output.</param>
    /// <param name="outputs">How many outputs there are at the least.</param>
    public static (string Input, string Output) Require(ModelStage stage, string what, int rank, int outputs = 1)
    {
        bool isOne = stage.Inputs is [{ Dimensions: null or { Count: 4 } } picture]
            && (picture.Dimensions is null || !picture.Dimensions[1].IsKnown || picture.Dimensions[1].Value == 3)
            && picture.ElementType is ElementType.Float32 or ElementType.Undefined
            && stage.Outputs.Count >= outputs
            && (stage.Outputs[0].Dimensions is null || stage.Outputs[0].Dimensions!.Count == rank);
        return isOne ? (stage.Inputs[0].Name, stage.Outputs[0].Name) : throw new ModelFormatException(
            stage.Path, $"this is no model for {what}: it takes {string.Join(", ", stage.Inputs)} and gives {string.Join(", ", stage.Outputs)}; expected one picture, float[N,3,height,width], and an output of {rank} dimensions.");
    }

    /// <summary>Planes of 0 to 255 as [1,3,height,width] in the order blue, green, red: <c>(x / 255 - mean) / deviation</c>.</summary>
    public static TensorBuffer ToBlueGreenRed(ReadOnlySpan<float> planes, int width, int height, ReadOnlySpan<float> mean, ReadOnlySpan<float> deviation)
    {
        TensorBuffer tensor = new(ElementType.Float32, new Shape(1, 3, height, width));
        Normalize(planes, width * height, [2, 1, 0], mean, deviation, tensor.Span<float>());
        return tensor;
    }

    /// <summary>Planes of 0 to 255 as numbers: <c>(x / 255 - mean) / deviation</c>.</summary>
    /// <param name="planes">The planes.</param>
    /// <param name="area">The pixels of a plane.</param>
    /// <param name="order">Which plane comes where.</param>
    /// <param name="mean">What is subtracted from each plane of the result.</param>
    /// <param name="deviation">What each is divided by.</param>
    /// <param name="target">The result.</param>
    public static void Normalize(ReadOnlySpan<float> planes, int area, ReadOnlySpan<int> order, ReadOnlySpan<float> mean, ReadOnlySpan<float> deviation, Span<float> target)
    {
        for (int channel = 0; channel < order.Length; channel++)
        {
            ReadOnlySpan<float> source = planes.Slice(order[channel] * area, area);
            Span<float> plane = target.Slice(channel * area, area);
            for (int i = 0; i < area; i++)
            {
                plane[i] = ((source[i] / byte.MaxValue) - mean[channel]) / deviation[channel];
            }
        }
    }
}
