namespace OnnxStream.Interop.Fuzzing;

/// <summary>A mutated file that did what none may do.</summary>
/// <param name="Target">What was mutated.</param>
/// <param name="Seed">Makes the same file again.</param>
/// <param name="Problem">What happened, in some lines.</param>
internal sealed record Failure(string Target, int Seed, string Problem)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Target}, seed {Seed}: {Problem}";
}
