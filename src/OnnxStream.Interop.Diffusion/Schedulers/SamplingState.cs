namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>A run between two steps: plain numbers, which can be written to a file.</summary>
/// <param name="FirstStep">The step that the run began with.</param>
/// <param name="Step">The steps that are behind.</param>
/// <param name="Sample">The sample.</param>
/// <param name="History">What multistep methods remember of earlier steps, the latest first; each is as long as the sample.</param>
/// <param name="NoiseCount">How many times noise was drawn since the run began.</param>
public sealed record SamplingState(int FirstStep, int Step, ReadOnlyMemory<float> Sample, IReadOnlyList<ReadOnlyMemory<float>> History, int NoiseCount);
