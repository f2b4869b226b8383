namespace OnnxStream.Interop.Sessions;

/// <summary>How far the outputs of a run are from those of another one.</summary>
internal static class OutputError
{
    /// <summary>Whether an output has elements that can be a little wrong.</summary>
    public static bool IsComparable(OnnxValue value) => value switch
    {
        TensorBuffer tensor => tensor.ElementType.IsFloat() && tensor.Shape.ElementCount > 0,
        TensorSequence sequence => sequence.Any(IsComparable),
        _ => false,
    };

    /// <summary>The root mean square of differences, as a part of that of what was expected; of several outputs, the largest.</summary>
    /// <param name="expected">The outputs of a run.</param>
    /// <param name="actual">Those of another, with the same names.</param>
    /// <returns>
    /// Infinity where a number was expected and there is none, or where shapes differ; what is not finite in both is left out, and so are elements of other types than floating point.
    /// </returns>
    public static double Of(IReadOnlyDictionary<string, OnnxValue> expected, IReadOnlyDictionary<string, OnnxValue> actual) =>
        expected.Where(output => IsComparable(output.Value)).Select(output => actual.TryGetValue(output.Key, out OnnxValue? value) ? Of(output.Value, value) : double.PositiveInfinity).DefaultIfEmpty().Max();

    private static double Of(OnnxValue expected, OnnxValue actual) => (expected, actual) switch
    {
        (TensorBuffer first, TensorBuffer second) => Of(first, second),
        (TensorSequence first, TensorSequence second) when first.Count == second.Count => first.Zip(second).Where(pair => IsComparable(pair.First)).Select(pair => Of(pair.First, pair.Second)).DefaultIfEmpty().Max(),
        _ => double.PositiveInfinity,
    };

    private static double Of(TensorBuffer expected, TensorBuffer actual)
    {
        if (expected.Type != actual.Type)
        {
            return double.PositiveInfinity;
        }

        ReadOnlySpan<double> wanted = expected.ConvertTo(ElementType.Float64).Span<double>();
        ReadOnlySpan<double> found = actual.ConvertTo(ElementType.Float64).Span<double>();
        double lost = 0;
        double whole = 0;
        for (int i = 0; i < wanted.Length; i++)
        {
            if (!double.IsFinite(wanted[i]))
            {
                continue;
            }

            if (!double.IsFinite(found[i]))
            {
                return double.PositiveInfinity;
            }

            double difference = wanted[i] - found[i];
            lost += difference * difference;
            whole += wanted[i] * wanted[i];
        }

        return lost == 0 ? 0 : Math.Sqrt(lost / whole);
    }
}
