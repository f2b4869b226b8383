using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>DPM-Solver-2: the slope where the logarithm of sigma is in the middle; with eta above 0, ancestral. The last step, to no noise, is Euler's.</summary>
internal sealed class Dpm2Run(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        double from = Sigma(step);
        (double down, double up) = Ancestral(from, Sigma(step + 1), Eta);
        yield return At(Current, step);
        if (down == 0)
        {
            Current = Move(Current, Denoised, from, 0);
        }
        else
        {
            double middle = Math.Sqrt(from * down);
            float[] first = Denoised;
            yield return At(Move(Current, first, from, middle), middle);

            // Along the slope in the middle, put together from the pictures.
            double change = down - from;
            Current = Combine((down / from, Current), (change * ((1 / middle) - (1 / from)), first), (-change / middle, Denoised));
        }

        AddNoise(up);
    }
}
