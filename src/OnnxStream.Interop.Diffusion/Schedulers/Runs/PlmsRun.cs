using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>PLMS, as PNDM has it without Runge and Kutta's steps: the first step is taken with the mean of the slopes at both of its ends.</summary>
internal sealed class PlmsRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    private const int MostSlopes = 4;

    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        double from = Sigma(step), to = Sigma(step + 1);
        yield return At(Current, step);
        Remember(Slope(Current, Denoised, from), MostSlopes);
        if (StepsTaken > 0)
        {
            Current = MoveAlongSlopes(Array.ConvertAll(IpndmRun.CoefficientsOf(History.Count), weight => weight * (to - from)), step);
            yield break;
        }

        float[] end = Move(Current, Denoised, from, to);
        if (step + 1 < Levels.Count)
        {
            float[] first = Denoised;
            yield return At(end, step + 1);
            end = Trapezoid(Current, first, Denoised, from, to);
        }

        Current = end;
    }
}
