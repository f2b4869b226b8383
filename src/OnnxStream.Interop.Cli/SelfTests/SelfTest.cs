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
        string? worst = null;
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
                    ActivationElementType = family.ActivationType,
                    PanelStore = family.PanelType is { } type ? PanelStoreOptions.File(panels) with { ElementType = type } : PanelStoreOptions.Off,
                };
                using (InferenceSession session = new(path, options))
                {
                    RunTrace trace = new();
                    long start = Stopwatch.GetTimestamp();
                    RunResult result = session.Run(test.Model.Inputs, new RunOptions { Trace = trace }, cancellationToken);
                    duration += Stopwatch.GetElapsedTime(start);
                    kernels.UnionWith(trace.Steps.Select(step => step.KernelName));
                    for (int i = 0; i < test.Expected.Length; i++)
                    {
                        string name = test.Model.Outputs[i];
                        double[] found = Tensors.Values(result[name]);
                        (double largest, int element) = Largest(test.Expected[i], found, test.Sizes?[i]);
                        if (Worse(error, largest) is var worse && !worse.Equals(error))
                        {
                            error = worse;
                            worst = element < 0 ? $"{name} has {found.Length} elements, not {test.Expected[i].Length}" : $"{name}[{element}] = {found[element]:R}, not {test.Expected[i][element]:R}";
                        }
                    }
                }

                File.Delete(panels);
            }
        }
        catch (OnnxStreamException exception)
        {
            return new SelfTestResult(family, double.NaN, null, duration, exception.Message);
        }

        string[] missing = [.. family.Kernels.Where(name => !kernels.Any(kernel => kernel.Contains(name, StringComparison.OrdinalIgnoreCase)))];
        string? problem =
            missing.Length > 0 ? $"not used: {string.Join(", ", missing)}; used: {string.Join(", ", kernels.Order(StringComparer.Ordinal))}" :
            !(error <= family.Tolerance) ? $"the error is too large: {worst}" : null;
        return new SelfTestResult(family, error, worst, duration, problem);
    }

    /// <summary>The largest difference, absolute where less than 1 is expected and relative above; not a number where one has an element that the other lacks.</summary>
    public static double Error(double[] expected, double[] found) => Largest(expected, found, sizes: null).Error;

    // The element with the largest error; -1 where there is none, or where the numbers of elements differ.
    private static (double Error, int Element) Largest(double[] expected, double[] found, double[]? sizes)
    {
        if (expected.Length != found.Length)
        {
            return (double.NaN, -1);
        }

        (double error, int element) = (0, -1);
        for (int i = 0; i < expected.Length; i++)
        {
            double next = sizes is null ? Error(expected[i], found[i]) : Error(expected[i], found[i], sizes[i]);
            if (Worse(error, next) is var worse && !worse.Equals(error))
            {
                (error, element) = (worse, i);
            }
        }

        return (error, element);
    }

    private static double Error(double expected, double found) =>
        expected.Equals(found) ? 0 : Math.Abs(expected - found) / Math.Max(1, Math.Abs(expected));

    // Over the whole range, results are single precision, and the last digit of the least numbers is one of their first.
    private static double Error(double expected, double found, double size)
    {
        if (((double)(float)expected).Equals(found) || (double.IsPositiveInfinity(size) && !double.IsInfinity(expected)))
        {
            return 0;
        }

        return double.IsFinite(found) && double.IsFinite(expected) ? Math.Max(0, Math.Abs(expected - found) - (size > 0 ? 1.5 * float.Epsilon : 0)) / size : double.NaN;
    }

    // What is not a number is worse than any.
    private static double Worse(double left, double right) => double.IsNaN(left) || left > right ? left : right;
}

/// <summary>How a family did.</summary>
/// <param name="Family">The family.</param>
/// <param name="Error">The largest error; not a number where there is no result to compare.</param>
/// <param name="Worst">The element that has it, what was found and what was expected; null where there is no error.</param>
/// <param name="Duration">The time that the runs took, planning included.</param>
/// <param name="Problem">What is wrong; null where nothing is.</param>
internal sealed record SelfTestResult(SelfTestFamily Family, double Error, string? Worst, TimeSpan Duration, string? Problem);
