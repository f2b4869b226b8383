using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>Sampling from a latent consistency model: each evaluation gives a picture, to which new noise of the next level is added.</summary>
internal sealed class LcmRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    // The boundary condition of the distillation: near time step 0 the picture is the sample itself.
    private const double DataSigma = 0.5, TimestepScale = 10;

    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        double sigma = Sigma(step), time = Levels.Timesteps[step] * TimestepScale, square = (time * time) + (DataSigma * DataSigma);
        Current = Combine((DataSigma * DataSigma / square / Math.Sqrt((sigma * sigma) + 1), Current), (time / Math.Sqrt(square), Denoised));
        AddNoise(Sigma(step + 1));
    }
}
