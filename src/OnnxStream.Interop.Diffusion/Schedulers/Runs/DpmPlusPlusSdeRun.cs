using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>SDE-DPM-Solver++ of one step: the denoised picture in its middle, and new noise there and at its end. The last step, to no noise, is Euler's.</summary>
/// <remarks>
/// Both noises belong to one Brownian path over sigma, as in k-diffusion: what is added at the end is made of the noise of the way to
/// the middle, which is drawn first, and that of the rest, which is drawn second.
/// </remarks>
internal sealed class DpmPlusPlusSdeRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        double from = Sigma(step), to = Sigma(step + 1);
        if (to == 0)
        {
            Current = Denoised;
            yield break;
        }

        double middle = Math.Sqrt(from * to);
        (double down, double up) = Ancestral(from, middle, Eta);
        float[] half = Move(Current, Denoised, from, down);
        float[]? first = Eta > 0 ? DrawNoise() : null;
        if (first is not null)
        {
            half = Combine((1, half), (up, first));
        }

        yield return At(half, middle);
        (down, up) = Ancestral(from, to, Eta);
        Current = Move(Current, Denoised, from, down);
        if (first is not null)
        {
            double part = (from - middle) / (from - to);
            Current = Combine((1, Current), (up * Math.Sqrt(part), first), (up * Math.Sqrt(1 - part), DrawNoise()));
        }
    }
}
