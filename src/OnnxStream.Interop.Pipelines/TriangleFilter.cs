namespace OnnxStream.Interop.Pipelines;

/// <summary>How pixels of a line become those of a shorter or longer one, as Pillow's bilinear filter does: a triangle covers what becomes one pixel, so that none is skipped.</summary>
internal static class TriangleFilter
{
    /// <summary>For each pixel of the new line, the first of the old one that it is made of, and the weights of that one and those behind it. Their sum is one.</summary>
    /// <param name="length">The pixels of the old line.</param>
    /// <param name="target">The pixels of the new one.</param>
    public static (int First, float[] Weights)[] Create(int length, int target)
    {
        double ratio = (double)length / target;
        double support = Math.Max(1, ratio);
        (int First, float[] Weights)[] pixels = new (int, float[])[target];
        for (int i = 0; i < target; i++)
        {
            double center = (i + 0.5) * ratio;
            int first = Math.Max(0, (int)(center - support + 0.5));
            int count = Math.Max(1, Math.Min(length, (int)(center + support + 0.5)) - first);
            double[] weights = [.. Enumerable.Range(first, count).Select(k => Math.Max(0, 1 - (Math.Abs(k + 0.5 - center) / support)))];
            double sum = weights.Sum();
            pixels[i] = (first, Array.ConvertAll(weights, weight => (float)(weight / sum)));
        }

        return pixels;
    }
}
