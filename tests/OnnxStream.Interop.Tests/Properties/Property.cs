using System.Globalization;
using CsCheck;

namespace OnnxStream.Interop.Tests.Properties;

/// <summary>Compares both engines on many random nodes.</summary>
/// <remarks>
/// The cases are the same in every run; the environment variable ONNXSTREAM_PROPERTY_CASES says how many of each property are tried.
/// </remarks>
internal static class Property
{
    private const int DefaultCases = 40;

    private const ulong Seed = 20240229;

    /// <summary>The sizes of dimensions: small ones, now and then none.</summary>
    public static readonly Gen<long> Dimension = Gen.Frequency((1, Gen.Const(0L)), (14, Gen.Long[1, 5]), (2, Gen.Long[6, 19]));

    /// <summary>The sizes of dimensions where there must be something.</summary>
    public static readonly Gen<long> Extent = Gen.Frequency((14, Gen.Long[1, 5]), (2, Gen.Long[6, 19]));

    /// <summary>Shapes of rank 0 to 6.</summary>
    public static readonly Gen<long[]> Shape = Dimension.Array[0, 6].Where(IsSmall);

    /// <summary>Shapes of rank 1 to 6 without empty dimensions.</summary>
    public static readonly Gen<long[]> FullShape = Extent.Array[1, 6].Where(IsSmall);

    /// <summary>Seeds of tensors.</summary>
    public static readonly Gen<int> Numbers = Gen.Int[0, 1_000_000];

    /// <summary>A shape that broadcasts to another: leading dimensions are left out, others become 1.</summary>
    public static Gen<long[]> Broadcast(long[] shape) =>
        from skipped in Gen.Int[0, shape.Length]
        from ones in Gen.Frequency((2, Gen.Const(false)), (1, Gen.Const(true))).Array[shape.Length]
        select shape.Select((dimension, i) => ones[i] ? 1 : dimension).Skip(skipped).ToArray();

    /// <summary>An axis, counted from either end.</summary>
    public static Gen<int> Axis(int rank) => Gen.Int[-rank, rank - 1];

    /// <summary>One of these.</summary>
    public static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    /// <summary>Tries the generator's nodes: with inputs that are given or constant, on one thread or three.</summary>
    /// <param name="nodes">The nodes.</param>
    public static void Check(Gen<OperatorTester> nodes)
    {
        int count = int.TryParse(Environment.GetEnvironmentVariable("ONNXSTREAM_PROPERTY_CASES"), CultureInfo.InvariantCulture, out int wanted) ? wanted : DefaultCases;
        for (int i = 0; i < count; i++)
        {
            (bool asConstants, int threads) = (i % 3 == 2, i % 2 == 0 ? 1 : 3);
            nodes.Sample(node => Compare(node, asConstants, threads), seed: new PCG((uint)i, Seed).ToString(), iter: 1, threads: 1, print: node => $"{node}");
        }
    }

    private static void Compare(OperatorTester node, bool asConstants, int threads)
    {
        try
        {
            node.CheckOnce(asConstants, threads);
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"{node}, constants {asConstants}, {threads} thread(s): {exception.Message}", exception);
        }
    }

    private static bool IsSmall(long[] shape) => shape.Aggregate(1L, (product, dimension) => product * Math.Max(1, dimension)) <= 4000;
}
