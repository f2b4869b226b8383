using System.Diagnostics;

namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>Runs the models of a family on this machine and compares the results with the references.</summary>
internal static class SelfTest
{
    private const int Seed = 1;

    /// <summary>Tests a family.</summary>
    /// <param name="family">The family.</param>
    /// <param name="threads">The threads that compute; 0 means one for each processor.</param>
    /// <param name="folder">An existing folder for the models.</param>
    /// <param name="cancellationToken">Stops the test.</param>
    public static SelfTestResult Run(SelfTestFamily family, int threads, string folder, CancellationToken cancellationToken)
    {
        TimeSpan duration = TimeSpan.Zero;
        double error = 0;
        HashSet<string> kernels = [];
        try
        {
            foreach (SelfTestCase test in family.Cases(new Random(Seed)))
            {
                string path = Path.Combine(folder, "model.onnx");
                string panels = Path.Combine(folder, "panels");
                test.Model.Save(path);
                SessionOptions options = new()
                {
                    ThreadCount = threads,
                    ActivationElementType = family.HasHalfPrecisionActivations ? ElementType.Float16 : ElementType.Float32,
                    PanelStore = family.PanelType is { } type ? PanelStoreOptions.File(panels) with { ElementType = type } : PanelStoreOptions.Off,
                };
                using (InferenceSession session = new(path, options))
                {
                    RunTrace trace = new();
                    long start = Stopwatch.GetTimestamp();
                    RunResult result = session.Run(test.Model.Inputs, new RunOptions { Trace = trace }, cancellationToken);
                    duration += Stopwatch.GetElapsedTime(start);
                    kernels.UnionWith(trace.Steps.Select(step => step.KernelName));
                    foreach ((string name, double[] expected) in test.Model.Outputs.Zip(test.Expected))
                    {
                        error = Worse(error, Error(expected, Tensors.Values(result[name])));
                    }
                }

                File.Delete(panels);
            }
        }
        catch (OnnxStreamException exception)
        {
            return new SelfTestResult(family, double.NaN, duration, exception.Message);
        }

        string[] missing = [.. family.Kernels.Where(name => !kernels.Any(kernel => kernel.Contains(name, StringComparison.OrdinalIgnoreCase)))];
        string? problem =
            missing.Length > 0 ? $"not used: {string.Join(", ", missing)}; used: {string.Join(", ", kernels.Order(StringComparer.Ordinal))}" :
            !(error <= family.Tolerance) ? "the error is too large" : null;
        return new SelfTestResult(family, error, duration, problem);
    }

    /// <summary>The largest difference, absolute where less than 1 is expected and relative above; not a number where one has an element that the other lacks.</summary>
    public static double Error(double[] expected, double[] found)
    {
        if (expected.Length != found.Length)
        {
            return double.NaN;
        }

        double error = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            if (!expected[i].Equals(found[i]))
            {
                error = Worse(error, Math.Abs(expected[i] - found[i]) / Math.Max(1, Math.Abs(expected[i])));
            }
        }

        return error;
    }

    // What is not a number is worse than any.
    private static double Worse(double left, double right) => double.IsNaN(left) || left > right ? left : right;
}

/// <summary>How a family did.</summary>
/// <param name="Family">The family.</param>
/// <param name="Error">The largest error; not a number where there is no result to compare.</param>
/// <param name="Duration">The time that the runs took, planning included.</param>
/// <param name="Problem">What is wrong; null where nothing is.</param>
internal sealed record SelfTestResult(SelfTestFamily Family, double Error, TimeSpan Duration, string? Problem);
