namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>What does not change in a run.</summary>
/// <param name="Levels">The noise levels.</param>
/// <param name="Eta">How much of the noise that may be new is new.</param>
/// <param name="Order">The order of a multistep method.</param>
/// <param name="KeepsVariance">Whether the method is defined for samples of constant variance, so that noise which is left takes its part of it.</param>
internal sealed record RunSettings(NoiseLevels Levels, double Eta, int Order, bool KeepsVariance);
