namespace OnnxStream.Interop.Server.Automatic1111;

/// <summary>The job that is being done.</summary>
internal sealed record ProgressState(bool Skipped, bool Interrupted, string Job, int JobCount, string JobTimestamp, int JobNo, int SamplingStep, int SamplingSteps);
