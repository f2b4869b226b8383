using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>What a machine can do at most, measured: the rates that kernels are compared with.</summary>
/// <param name="Operations">Multiplications and additions in single precision that all threads together do in a second.</param>
/// <param name="Bytes">Bytes that all threads together read from memory in a second.</param>
internal sealed record ProcessorLimits(double Operations, double Bytes)
{
    private const int Trials = 5;
    private const int Steps = 4 << 20;

    // Enough to hide the latency of an addition, and few enough for sixteen registers.
    private const int Chains = 10;

    // For each thread: more than caches hold.
    private const int BytesOfThread = 64 << 20;

    /// <summary>Measures, in a second or so.</summary>
    /// <param name="threads">The threads; 0 means one for each processor.</param>
    public static ProcessorLimits Measure(int threads)
    {
        threads = threads == 0 ? Environment.ProcessorCount : threads;
        double operations = 0;
        double bytes = 0;
        int lanes = Avx512F.IsSupported ? Vector512<float>.Count : Vector<float>.Count;
        float[][] memory = [.. Enumerable.Range(0, threads).Select(_ => Filled())];
        for (int trial = 0; trial < Trials; trial++)
        {
            operations = Math.Max(operations, 2.0 * Chains * Steps * lanes * threads / Time(threads, _ => Avx512F.IsSupported ? MultiplyWide() : Multiply()));
            bytes = Math.Max(bytes, (double)BytesOfThread * threads / Time(threads, thread => Sum(memory[thread])));
        }

        return new ProcessorLimits(operations, bytes);
    }

    // Pages that were never written are all the same one.
    private static float[] Filled()
    {
        float[] numbers = new float[BytesOfThread / sizeof(float)];
        numbers.AsSpan().Fill(1);
        return numbers;
    }

    private static double Time(int threads, Func<int, float> work)
    {
        using Barrier barrier = new(threads + 1);
        float[] results = new float[threads];
        Thread[] all = [.. Enumerable.Range(0, threads).Select(thread => new Thread(() =>
        {
            barrier.SignalAndWait();
            results[thread] = work(thread);
        }) { IsBackground = true })];
        Array.ForEach(all, thread => thread.Start());
        barrier.SignalAndWait();
        long start = Stopwatch.GetTimestamp();
        Array.ForEach(all, thread => thread.Join());
        GC.KeepAlive(results);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Multiply()
    {
        Vector<float> factor = new(0.999999f);
        Vector<float> sum = new(1e-6f);
        Vector<float> a = factor, b = factor, c = factor, d = factor, e = factor, f = factor, g = factor, h = factor, i = factor, j = factor;
        for (int step = 0; step < Steps; step++)
        {
            a = Vector.FusedMultiplyAdd(a, factor, sum);
            b = Vector.FusedMultiplyAdd(b, factor, sum);
            c = Vector.FusedMultiplyAdd(c, factor, sum);
            d = Vector.FusedMultiplyAdd(d, factor, sum);
            e = Vector.FusedMultiplyAdd(e, factor, sum);
            f = Vector.FusedMultiplyAdd(f, factor, sum);
            g = Vector.FusedMultiplyAdd(g, factor, sum);
            h = Vector.FusedMultiplyAdd(h, factor, sum);
            i = Vector.FusedMultiplyAdd(i, factor, sum);
            j = Vector.FusedMultiplyAdd(j, factor, sum);
        }

        return Vector.Sum(a + b + c + d + e + f + g + h + i + j);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float MultiplyWide()
    {
        Vector512<float> factor = Vector512.Create(0.999999f);
        Vector512<float> sum = Vector512.Create(1e-6f);
        Vector512<float> a = factor, b = factor, c = factor, d = factor, e = factor, f = factor, g = factor, h = factor, i = factor, j = factor;
        for (int step = 0; step < Steps; step++)
        {
            a = Avx512F.FusedMultiplyAdd(a, factor, sum);
            b = Avx512F.FusedMultiplyAdd(b, factor, sum);
            c = Avx512F.FusedMultiplyAdd(c, factor, sum);
            d = Avx512F.FusedMultiplyAdd(d, factor, sum);
            e = Avx512F.FusedMultiplyAdd(e, factor, sum);
            f = Avx512F.FusedMultiplyAdd(f, factor, sum);
            g = Avx512F.FusedMultiplyAdd(g, factor, sum);
            h = Avx512F.FusedMultiplyAdd(h, factor, sum);
            i = Avx512F.FusedMultiplyAdd(i, factor, sum);
            j = Avx512F.FusedMultiplyAdd(j, factor, sum);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum(float[] numbers)
    {
        Vector<float> a = default, b = default, c = default, d = default;
        ref float first = ref MemoryMarshal.GetArrayDataReference(numbers);
        int width = Vector<float>.Count;
        for (int i = 0; i < numbers.Length; i += 4 * width)
        {
            a += Vector.LoadUnsafe(ref first, (nuint)i);
            b += Vector.LoadUnsafe(ref first, (nuint)(i + width));
            c += Vector.LoadUnsafe(ref first, (nuint)(i + 2 * width));
            d += Vector.LoadUnsafe(ref first, (nuint)(i + 3 * width));
        }

        return Vector.Sum(a + b + c + d);
    }
}
