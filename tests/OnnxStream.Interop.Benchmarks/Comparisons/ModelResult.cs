using OnnxStream.Interop.Benchmarks.Engines;

namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>What was measured with a model.</summary>
/// <param name="Model">The name of the model.</param>
/// <param name="Engines">The engines.</param>
/// <param name="Budgets">The runs within memory budgets.</param>
internal sealed record ModelResult(string Model, IReadOnlyList<EngineResult> Engines, IReadOnlyList<BudgetResult> Budgets)
{
    /// <summary>What others are compared with; null if it was not measured.</summary>
    public EngineResult? Baseline { get; } = Engines.FirstOrDefault(result => result.Engine.Name == EngineCatalog.Baseline && result.Failure is null);
}
