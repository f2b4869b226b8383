using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>Euler's method; with eta above 0, the ancestral one. In these terms DDIM and DDPM (eta = 1) take the same steps.</summary>
internal sealed class EulerRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        (double down, double up) = Ancestral(Sigma(step), Sigma(step + 1), Eta);
        Current = Move(Current, Denoised, Sigma(step), down);
        AddNoise(up);
    }
}
