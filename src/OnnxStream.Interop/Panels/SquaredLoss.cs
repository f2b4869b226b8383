namespace OnnxStream.Interop.Panels;

/// <summary>What rounding takes from numbers, in sums of squares.</summary>
/// <param name="Lost">The sum of the squares of the differences.</param>
/// <param name="Whole">The sum of the squares of the numbers themselves.</param>
internal readonly record struct SquaredLoss(double Lost, double Whole)
{
    /// <summary>Nothing is lost, and nothing was looked at.</summary>
    public static SquaredLoss None => default;

    /// <summary>The loss as a part of the whole; 0 where there is nothing to lose.</summary>
    public double Relative => Whole == 0 ? 0 : Lost / Whole;

    /// <summary>The loss of both.</summary>
    public static SquaredLoss operator +(SquaredLoss first, SquaredLoss second) => new(first.Lost + second.Lost, first.Whole + second.Whole);
}
