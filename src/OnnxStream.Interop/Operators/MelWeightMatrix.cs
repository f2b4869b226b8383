namespace OnnxStream.Interop.Operators;

/// <summary>The matrix that turns a spectrum into one by perceived pitch. https://onnx.ai/onnx/operators/onnx__MelWeightMatrix.html (opset 17).</summary>
/// <remarks>
/// Inputs: number of bands, length of the transform, sample rate, lowest and highest frequency in Hz. Each band is a triangle over
/// the bins of the spectrum, whose corners are equally far apart in mel = 2595 log10(1 + Hz / 700).
/// </remarks>
internal sealed class MelWeightMatrix : FunctionOperator
{
    private const long MaximumSize = 1 << 16;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.RequireIntegers(0) is not [>= 1 and <= MaximumSize and long bands] || context.RequireIntegers(1) is not [>= 1 and <= MaximumSize and long length] || context.RequireIntegers(2) is not [>= 1 and long rate] ||
            context.RequireFloats(3) is not [>= 0 and float lowest] || context.RequireFloats(4) is not [var highest] || !(highest >= lowest) || !(highest <= rate))
        {
            throw context.Invalid($"bands and length must be from 1 to {MaximumSize:N0}, the sample rate positive, and the frequencies in order and not above it");
        }

        long bins = length / 2 + 1;
        double low = ToMel(lowest);
        double step = (ToMel(highest) - low) / (bands + 2);
        long[] corners = new long[bands + 2];
        for (int i = 0; i < corners.Length; i++)
        {
            double frequency = 700 * (Math.Pow(10, (low + i * step) / 2595) - 1);
            corners[i] = (long)Math.Floor((length + 1) * frequency / rate);
        }

        double[] matrix = new double[bins * bands];
        for (int band = 0; band < bands; band++)
        {
            (long start, long center, long end) = (corners[band], corners[band + 1], corners[band + 2]);
            for (long bin = start; bin < Math.Min(bins, end + 1); bin++)
            {
                matrix[bin * bands + band] =
                    bin == center ? 1 :
                    bin < center ? (double)(bin - start) / (center - start) :
                    (double)(end - bin) / (end - center);
            }
        }

        context.SetOutput(0, context.Cast(context.Constant<double>(matrix, bins, bands), (ElementType)context.Attributes.Int("output_datatype", (long)ElementType.Float32)));
    }

    private static double ToMel(double frequency) => 2595 * Math.Log10(1 + frequency / 700);
}
