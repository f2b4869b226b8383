using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>DPM-Solver++(2M): the line through the denoised pictures of two steps. The last step, to no noise, takes the latest alone.</summary>
internal sealed class DpmPlusPlus2MRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <summary>Whether the step is the mean of this and the last one: the variant of stable-diffusion.cpp.</summary>
    public bool TakesMeanOfSteps { get; init; }

    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        double from = Sigma(step), to = Sigma(step + 1);
        if (History.Count == 0 || to == 0)
        {
            Current = Move(Current, Denoised, from, to);
        }
        else
        {
            double h = Lambda(step + 1) - Lambda(step), last = Lambda(step) - Lambda(step - 1);
            (double change, double r) = TakesMeanOfSteps ? ((h + last) / 2, Math.Max(h, last) / Math.Min(h, last)) : (h, last / h);
            double weight = 1 - Math.Exp(-change);
            Current = Combine((to / from, Current), (weight * (1 + (1 / (2 * r))), Denoised), (-weight / (2 * r), History[0]));
        }

        Remember(Denoised, 1);
    }
}
