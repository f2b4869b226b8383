namespace OnnxStream.Interop.Cli.Reports;

/// <summary>How long a run of a plan will take, estimated from rates that were measured on this machine.</summary>
/// <param name="EstimatedS">Seconds of a run: the larger of the two below, because weights are read while others are computed with.</param>
/// <param name="ComputingS">Seconds of the floating-point operations.</param>
/// <param name="ReadingS">Seconds of reading the weights; null where they come from a server.</param>
/// <param name="FlopsPerSecond">Floating-point operations a second, measured with a convolution.</param>
/// <param name="BytesPerSecond">Bytes a second that weights were read with: from the system's cache, if they are in it now.</param>
internal sealed record PlanTimeReport(double EstimatedS, double ComputingS, double? ReadingS, double FlopsPerSecond, double? BytesPerSecond)
{
    /// <summary>Why it takes so long.</summary>
    public string Explain() =>
        $"computing takes {ComputingS:0.00} s at {Quantity.Flops((long)FlopsPerSecond)}/s, " +
        (ReadingS is { } reading ? $"reading {reading:0.00} s at {Quantity.Bytes((long)BytesPerSecond!.Value)}/s; {(reading > ComputingS ? "reading" : "computing")} decides" : "reading from the server is not known") +
        ". Both were measured just now; what is no product, and packing, come on top";

    /// <summary>Estimates it.</summary>
    /// <param name="plan">What is run.</param>
    /// <param name="rates">What was measured.</param>
    public static PlanTimeReport Of(PlanSummary plan, MachineRates rates) => new(
        rates.Seconds(plan.Flops, plan.WeightsBytes), rates.Seconds(plan.Flops, 0), rates.BytesPerSecond is { } rate ? plan.WeightsBytes / rate : null, rates.FlopsPerSecond, rates.BytesPerSecond);
}
