using System.Diagnostics;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>Measures how quick the kernels of a family are on this machine.</summary>
internal static class SpeedTest
{
    private const int Seed = 1;

    // The best of some runs: others disturb a run, and none makes one quicker.
    private const int LeastRuns = 3;
    private const int MostRuns = 100;
    private static readonly TimeSpan s_enough = TimeSpan.FromSeconds(0.5);

    /// <summary>Measures a family.</summary>
    /// <param name="family">The family.</param>
    /// <param name="threads">The threads that compute; 0 means one for each processor.</param>
    /// <param name="folder">An existing folder for the model and its packed weights.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    /// <exception cref="SelfTestException">No step has a kernel of the family.</exception>
    public static SpeedResult Run(SpeedFamily family, int threads, string folder, CancellationToken cancellationToken)
    {
        string path = Path.Combine(folder, "model.onnx");
        string panels = Path.Combine(folder, "panels");
        SelfTestModel model = family.Model(new Random(Seed));
        model.Save(path);
        using WeightsProvider weights = WeightsProvider.DiskMapped(keptBytes: long.MaxValue);
        using (InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, WeightsProvider = weights, PanelStore = PanelStoreOptions.File(panels) with { ElementType = family.PanelType } }))
        {
            TimeSpan best = TimeSpan.MaxValue;
            TimeSpan all = TimeSpan.Zero;
            long operations = 0;
            for (int run = 0; run < LeastRuns || (all < s_enough && run < MostRuns); run++)
            {
                RunTrace trace = new();
                session.Run(model.Inputs, new RunOptions { Trace = trace }, cancellationToken);
                StepTrace[] steps = [.. trace.Steps.Where(step => step.KernelName.Contains(family.Kernel, StringComparison.OrdinalIgnoreCase))];
                if (steps.Length == 0)
                {
                    throw new SelfTestException($"{family.Name}: no step has the kernel '{family.Kernel}'; used: {string.Join(", ", trace.Steps.Select(step => step.KernelName).Distinct())}.");
                }

                TimeSpan time = new(steps.Sum(step => step.Duration.Ticks));
                (best, all) = (time < best ? time : best, all + time);
                operations = steps.Sum(step => step.Flops);
            }

            File.Delete(path);
            return new SpeedResult(family, best, (family.Limit == SpeedLimit.Memory ? family.Bytes : operations) / Math.Max(best.TotalSeconds, 1.0 / Stopwatch.Frequency));
        }
    }
}

/// <summary>How quick a family is.</summary>
/// <param name="Family">The family.</param>
/// <param name="Duration">The time of its steps in the best run.</param>
/// <param name="Rate">Operations or bytes a second, as <see cref="SpeedFamily.Limit"/> says.</param>
internal sealed record SpeedResult(SpeedFamily Family, TimeSpan Duration, double Rate);
