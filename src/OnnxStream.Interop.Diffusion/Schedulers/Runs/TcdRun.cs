using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>Sampling from a model distilled for trajectories: down to a level below the next one, and up to that with new noise.</summary>
internal sealed class TcdRun(RunSettings settings, SamplingState state, IRandomSource random) : SamplingRun(settings, state, random)
{
    /// <inheritdoc/>
    protected override IEnumerable<Evaluation> TakeStep(int step)
    {
        yield return At(Current, step);
        bool isLast = step + 1 == Levels.Count;
        double to = Sigma(step + 1);
        double below = isLast ? to : Math.Min(Levels.SigmaAt(Math.Floor((1 - Eta) * Levels.Timesteps[step + 1])), to);
        Current = Move(Current, Denoised, Sigma(step), below);
        AddNoise(Eta > 0 ? Math.Sqrt((to * to) - (below * below)) : 0);
    }
}
