namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>onnxstream calibrate</c> did.</summary>
/// <param name="File">The file of ranges.</param>
/// <param name="Method">How ranges were found, as --method names it.</param>
/// <param name="Samples">How many samples were run.</param>
/// <param name="RandomInputs">Whether they were made up from a seed.</param>
/// <param name="Values">How many values have a range.</param>
/// <param name="TimeS">Seconds for all of it.</param>
/// <param name="PeakRssBytes">The most memory that the process had.</param>
internal sealed record CalibrationReport(string File, string Method, int Samples, bool RandomInputs, int Values, double TimeS, long PeakRssBytes);
