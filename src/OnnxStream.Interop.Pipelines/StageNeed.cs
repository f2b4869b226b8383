namespace OnnxStream.Interop.Pipelines;

/// <summary>What the runs of a stage need.</summary>
/// <param name="Plan">The plan of the largest pass.</param>
/// <param name="Together">For each number of sets that a run may be given, how many go together in its largest pass.</param>
/// <param name="SmallestBudgetBytes">The least memory in which one set at a time can be run.</param>
internal sealed record StageNeed(PlanSummary Plan, IReadOnlyDictionary<int, int> Together, long SmallestBudgetBytes)
{
    /// <summary>The passes over the weights of a run.</summary>
    /// <param name="sets">The sets of inputs that it is given.</param>
    public int Passes(int sets) => (sets + Together[sets] - 1) / Together[sets];
}
