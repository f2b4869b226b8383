using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>iPNDM: Adams and Bashforth's coefficients for equal steps, of as many slopes as there are.</summary>
internal sealed class IpndmRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    private static readonly double[][] Coefficients =
        [[1], [3.0 / 2, -1.0 / 2], [23.0 / 12, -16.0 / 12, 5.0 / 12], [55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24]];

    /// <summary>The weights of this many slopes, the latest first.</summary>
    public static double[] CoefficientsOf(int count) => Coefficients[count - 1];

    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        Remember(Slope(Current, Denoised, Sigma(step)), Coefficients.Length);
        double change = Sigma(step + 1) - Sigma(step);
        Current = MoveAlongSlopes(Array.ConvertAll(CoefficientsOf(History.Count), weight => weight * change), step);
    }
}
