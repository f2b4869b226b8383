namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>selftest --json</c> prints.</summary>
/// <param name="Version">The version of the tool.</param>
/// <param name="Processor">The architecture of this process, such as arm64.</param>
/// <param name="InstructionSets">The instruction sets that XNNPACK uses here.</param>
/// <param name="VectorBits">The width of the vectors that this library's own kernels were compiled for, in bits; some use wider ones where the processor has them.</param>
/// <param name="MatrixKernels">The micro-kernels that multiply matrices, by element type.</param>
/// <param name="Families">What was tested.</param>
/// <param name="Failed">How many of them failed.</param>
internal sealed record SelfTestReport(
    string Version, string Processor, IReadOnlyList<string> InstructionSets, int VectorBits, IReadOnlyDictionary<string, string> MatrixKernels, IReadOnlyList<SelfTestFamilyReport> Families, int Failed);

/// <summary>A family of kernels.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Error">The largest error; null where there was nothing to compare.</param>
/// <param name="Worst">The element that has it, what was found and what was expected; null where there is no error.</param>
/// <param name="Tolerance">The largest error that is allowed.</param>
/// <param name="Ok">Whether it passed.</param>
/// <param name="Problem">What is wrong; null where nothing is.</param>
/// <param name="Seconds">What its runs took.</param>
internal sealed record SelfTestFamilyReport(string Name, double? Error, string? Worst, double Tolerance, bool Ok, string? Problem, double Seconds);
