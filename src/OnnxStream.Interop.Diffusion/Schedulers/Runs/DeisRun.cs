using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>tAB-DEIS over log rho: the polynomial in the logarithm of sigma through the latest slopes, integrated over sigma. The last step, to no noise, is Euler's.</summary>
internal sealed class DeisRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        double from = Sigma(step), to = Sigma(step + 1);
        Remember(Slope(Current, Denoised, from), Order);
        if (to == 0)
        {
            Current = Move(Current, Denoised, from, to);
            yield break;
        }

        double[] places = [.. Enumerable.Range(0, History.Count).Select(i => Math.Log(Sigma(step - i)))];
        Current = MoveAlongSlopes(Integrals.OfPolynomials(places, Math.Log(from), Math.Log(to), Math.Exp), step);
    }
}
