namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>The few numbers that are made of many.</summary>
internal static class Statistics
{
    /// <summary>The middle of the values; the mean of the two in the middle if their number is even.</summary>
    public static double Median(this IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
