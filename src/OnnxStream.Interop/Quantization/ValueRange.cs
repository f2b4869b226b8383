namespace OnnxStream.Interop;

/// <summary>The numbers that 8 bits are to cover for a value of a model.</summary>
/// <param name="Name">The name of the value.</param>
/// <param name="Minimum">The least number.</param>
/// <param name="Maximum">The greatest one; not less.</param>
public sealed record ValueRange(string Name, float Minimum, float Maximum)
{
    /// <summary>The smallest number that was seen; null where that is not known.</summary>
    public float? ObservedMinimum { get; init; }

    /// <summary>The largest number that was seen; null where that is not known.</summary>
    public float? ObservedMaximum { get; init; }

    /// <summary>What rounding to 8 bits of this range takes: the sum of the squares of the differences, as a part of that of the numbers. Null where that is not known.</summary>
    public double? Loss { get; init; }
}
