using OnnxStream.Interop.Benchmarks.Comparisons;

namespace OnnxStream.Interop.Benchmarks.Operators;

/// <summary>What both engines took for one node.</summary>
/// <param name="Case">The node.</param>
/// <param name="Turns">For each round, the best run of each engine's turn.</param>
/// <param name="Failure">Why there are no turns; null if there are.</param>
internal sealed record OperatorResult(OperatorCase Case, IReadOnlyList<OperatorTurn> Turns, string? Failure)
{
    /// <summary>The best time of ONNX Runtime, in seconds.</summary>
    public double BaselineS => Turns.Min(turn => turn.BaselineS);

    /// <summary>The best time of this library's steps, in seconds.</summary>
    public double StepsS => Turns.Min(turn => turn.StepsS);

    /// <summary>The best time of a whole run of this library, in seconds: copying inputs and outputs included.</summary>
    public double RunS => Turns.Min(turn => turn.RunS);

    /// <summary>The best time of the steps divided by that of ONNX Runtime.</summary>
    public double BestRatio => StepsS / BaselineS;

    /// <summary>The same quotient of each round, the one in the middle.</summary>
    public double MedianRatio => Turns.Select(turn => turn.StepsS / turn.BaselineS).Median();
}
