using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>Heun's method: the mean of the slopes at both ends of a step. The last step, to no noise, is Euler's.</summary>
internal sealed class HeunRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        double from = Sigma(step), to = Sigma(step + 1);
        yield return At(Current, step);
        float[] end = Move(Current, Denoised, from, to);
        if (to > 0)
        {
            float[] first = Denoised;
            yield return step + 1 < Levels.Count ? At(end, step + 1) : At(end, to);
            end = Trapezoid(Current, first, Denoised, from, to);
        }

        Current = end;
    }
}
