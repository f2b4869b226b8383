using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>Makes, runs and frees one XNNPACK operator as the bindings have it, and numbers for it.</summary>
internal static unsafe class XnnpackOperator
{
    public delegate xnn_status Creation(xnn_operator** created);

    public delegate xnn_status Use(xnn_operator* created);

    public static xnn_operator* Create(Creation create)
    {
        XnnpackLibrary.Initialize();
        xnn_operator* created;
        Assert.That(create(&created), Is.EqualTo(xnn_status.xnn_status_success));
        return created;
    }

    /// <summary>Reshapes, sets up and runs.</summary>
    public static void Run(xnn_operator* created, Use reshape, Use setUp)
    {
        Assert.That(reshape(created), Is.EqualTo(xnn_status.xnn_status_success));
        Assert.That(setUp(created), Is.EqualTo(xnn_status.xnn_status_success));
        Assert.That(Xnnpack.xnn_run_operator(created, null), Is.EqualTo(xnn_status.xnn_status_success));
    }

    public static void Delete(xnn_operator* created) =>
        Assert.That(Xnnpack.xnn_delete_operator(created), Is.EqualTo(xnn_status.xnn_status_success));

    public static sbyte[] Integers(int seed, int length, int low = -127, int high = 127)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (sbyte)random.Next(low, high + 1))];
    }

    public static float[] Floats(int seed, int length, float low = -1, float high = 1)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => low + random.NextSingle() * (high - low))];
    }

    /// <summary>Parameters of rows, all different: a row that is computed with those of another is seen.</summary>
    public static xnn_quantization_params[] RowParameters(int seed, int rows)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, rows).Select(_ =>
            new xnn_quantization_params { zero_point = random.Next(-128, 128), scale = 0.01F
            + random.NextSingle() * 0.05F })];
    }

    public static void CheckClose(ReadOnlySpan<float> results, ReadOnlySpan<double> expected, double tolerance,
        string what)
    {
        for (int i = 0; i < results.Length; i++)
        {
            if (!(Math.Abs(results[i] - expected[i]) <= tolerance * (1 + Math.Abs(expected[i]))))
            {
                Assert.Fail($"{what}: element {i} of {results.Length} is {results[i]}, and {expected[i]} is expected");
            }
        }
    }

    /// <summary>
    /// Compares 8-bit results with what they are rounded from. Halves, and what is half but for an error of single
    /// precision, may go either way.
    /// </summary>
    public static void CheckRounded(ReadOnlySpan<sbyte> results, ReadOnlySpan<double> expected, string what)
    {
        for (int i = 0; i < results.Length; i++)
        {
            if (!(Math.Abs(results[i] - Math.Clamp(expected[i], sbyte.MinValue, sbyte.MaxValue)) <= 0.5001))
            {
                Assert.Fail($"{what}: element {i} of {results.Length} is {results[i]}, and {expected[i]} is expected");
            }
        }
    }
}
