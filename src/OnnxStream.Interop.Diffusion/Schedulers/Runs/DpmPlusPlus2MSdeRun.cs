using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>SDE-DPM-Solver++(2M): the line through the denoised pictures of two steps, and new noise. The last step, to no noise, is the denoised picture.</summary>
internal sealed class DpmPlusPlus2MSdeRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <summary>Whether the slope of the line is weighted as in the form of Heun, not of the midpoint.</summary>
    public bool IsHeun { get; init; }

    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        double from = Sigma(step), to = Sigma(step + 1);
        if (to == 0)
        {
            Current = Denoised;
        }
        else
        {
            double h = Lambda(step + 1) - Lambda(step), damping = h * (1 + Eta);
            double weight = 1 - Math.Exp(-damping), ofLine = 0;
            if (History.Count > 0)
            {
                double r = (Lambda(step) - Lambda(step - 1)) / h;
                ofLine = (IsHeun ? 1 - (weight / damping) : weight / 2) / r;
            }

            Current = Combine((Math.Exp(-damping), Current), (weight + ofLine, Denoised), (-ofLine, History.Count > 0 ? History[0] : Denoised));
            AddNoise(to * Math.Sqrt(1 - Math.Exp(-2 * Eta * h)));
        }

        Remember(Denoised, 1);
    }
}
