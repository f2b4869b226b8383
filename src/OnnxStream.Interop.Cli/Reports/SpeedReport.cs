namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>selftest --speed --json</c> prints.</summary>
/// <param name="Version">The version of the tool.</param>
/// <param name="Processor">The architecture of this process, such as arm64.</param>
/// <param name="InstructionSets">The instruction sets that XNNPACK uses here.</param>
/// <param name="Threads">The threads that computed.</param>
/// <param name="PeakGflops">Multiplications and additions in single precision that were measured here, in 10^9 a second.</param>
/// <param name="MemoryGbPerSecond">Bytes that were read from memory, in 10^9 a second.</param>
/// <param name="Families">What was measured.</param>
internal sealed record SpeedReport(
    string Version, string Processor, IReadOnlyList<string> InstructionSets, int Threads, double PeakGflops, double MemoryGbPerSecond, IReadOnlyList<SpeedFamilyReport> Families);

/// <summary>A family of kernels.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Rate">Its rate in <paramref name="Unit"/>.</param>
/// <param name="Unit">GFLOPS, as the operator is defined, or GB/s, of the bytes that must be read and written at least.</param>
/// <param name="Fraction">The rate as a part of the peak or of the memory's rate. Winograd's algorithm and integers may pass 1.</param>
/// <param name="Seconds">The best time.</param>
internal sealed record SpeedFamilyReport(string Name, double Rate, string Unit, double Fraction, double Seconds);
