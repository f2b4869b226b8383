using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>DPM-Solver++(2S): the denoised picture in the middle of the step, by the logarithm of sigma; with eta above 0, ancestral.</summary>
internal sealed class DpmPlusPlus2SRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        double from = Sigma(step);
        (double down, double up) = Ancestral(from, Sigma(step + 1), Eta);
        yield return At(Current, step);
        if (down > 0)
        {
            double middle = Math.Sqrt(from * down);
            yield return At(Move(Current, Denoised, from, middle), middle);
        }

        Current = Move(Current, Denoised, from, down);
        AddNoise(up);
    }
}
