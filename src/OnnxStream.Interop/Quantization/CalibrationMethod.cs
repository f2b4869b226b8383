namespace OnnxStream.Interop;

/// <summary>How the range that 8 bits are to cover follows from the numbers that a value had.</summary>
public enum CalibrationMethod
{
    /// <summary>From the smallest number to the largest: nothing is clipped, and one outlier makes the steps coarse.</summary>
    MinMax,

    /// <summary>What is left when the outermost numbers of both sides are clipped, as many as <see cref="Calibration.Percentile"/> says.</summary>
    Percentile,

    /// <summary>The range in which the distribution of 8-bit integers says most of that of the numbers (the smallest Kullback-Leibler divergence).</summary>
    Entropy,

    /// <summary>The range with the least sum of squares of what rounding and clipping change.</summary>
    MeanSquaredError,
}
