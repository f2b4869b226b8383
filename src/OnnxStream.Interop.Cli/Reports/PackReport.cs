namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>pack --json</c> prints.</summary>
/// <param name="File">The panel store.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Packed">Whether it was made now; false if it was there already.</param>
/// <param name="Seconds">What that took.</param>
internal sealed record PackReport(string File, long Bytes, bool Packed, double Seconds);
