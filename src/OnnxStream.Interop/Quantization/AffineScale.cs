namespace OnnxStream.Interop.Quantization;

/// <summary>How 8-bit integers from 0 to 255 stand for the numbers of a range: number = (integer - zero point) · scale.</summary>
/// <param name="Scale">The scale: positive and finite.</param>
/// <param name="ZeroPoint">The integer that 0 is.</param>
internal readonly record struct AffineScale(float Scale, byte ZeroPoint)
{
    private const int Steps = byte.MaxValue;

    // 1 / Smallest is finite.
    private const float Smallest = 1.17549435e-38f;

    /// <summary>The scale for numbers of a range, which is widened until it holds 0: padding is zeros, and so is much of what activations make.</summary>
    /// <param name="minimum">The least number.</param>
    /// <param name="maximum">The greatest one; not less.</param>
    public static AffineScale Of(double minimum, double maximum)
    {
        double low = Math.Min(minimum, 0);
        double high = Math.Max(maximum, 0);
        if (high == low)
        {
            return new AffineScale(1, 0);
        }

        float scale = MathF.Max((float)((high - low) / Steps), Smallest);
        return new AffineScale(scale, (byte)Math.Clamp(Math.Round(-low / scale), 0, Steps));
    }

    /// <summary>The integer that stands for a number; the nearest one where none does.</summary>
    public byte Quantize(double number) => (byte)Math.Clamp(Math.Round(number / Scale) + ZeroPoint, 0, Steps);

    /// <summary>What a number is when it has been rounded to an integer.</summary>
    public double Round(double number) => (Quantize(number) - ZeroPoint) * (double)Scale;
}
