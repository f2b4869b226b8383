using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>Adams and Bashforth's method over sigma: the polynomial through the latest slopes, integrated over the step.</summary>
internal sealed class LmsRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        Remember(Slope(Current, Denoised, Sigma(step)), Order);
        double[] places = [.. Enumerable.Range(0, History.Count).Select(i => Sigma(step - i))];
        Current = MoveAlongSlopes(Integrals.OfPolynomials(places, Sigma(step), Sigma(step + 1), _ => 1), step);
    }
}
