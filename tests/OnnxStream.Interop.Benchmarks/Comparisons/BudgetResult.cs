namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>What came of a run within a memory budget.</summary>
/// <param name="MebiBytes">The budget.</param>
/// <param name="MedianS">The middle of the runs in seconds; null if there were none.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident; null if there were no runs.</param>
/// <param name="Error">The relative error of the outputs; null if it is not known.</param>
/// <param name="ExitCode">The exit code of the tool.</param>
/// <param name="Message">What the tool said if it refused.</param>
internal sealed record BudgetResult(int MebiBytes, double? MedianS, long? PeakRssBytes, double? Error, int ExitCode, string? Message);
