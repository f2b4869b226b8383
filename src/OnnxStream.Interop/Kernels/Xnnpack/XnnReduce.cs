using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>The sum or the mean over dimensions of a single-precision tensor.</summary>
/// <remarks>Where a result is no finite number, another kernel computes all of them: a sum on the way may have left the range that the result is in.</remarks>
internal sealed unsafe class XnnReduce : XnnKernel
{
    // XNNPACK adds in single precision, without correction: this many additions in a row cost less than 1e-5 of the sum.
    private const long LongestChain = 512;

    // The fewest partial sums that its micro-kernels make of a run: rows of 16 elements are added to each other.
    private const long PartialSums = 16;

    // Elements of a row from which on another kernel is faster.
    private const long LongRow = 512;

    private readonly Kernel _exact;
    private readonly long _resultCount = 1;

    /// <summary>Makes the kernel; <see cref="Supports"/> must hold.</summary>
    /// <param name="isMean">Whether to divide by the number of elements.</param>
    /// <param name="input">The shape of the input.</param>
    /// <param name="isReduced">For each of its dimensions, whether it is reduced.</param>
    /// <param name="exact">Computes the same of the same tensors in double precision.</param>
    /// <param name="workers">The threads.</param>
    public XnnReduce(bool isMean, Shape input, ReadOnlySpan<bool> isReduced, Kernel exact, WorkerPool workers)
    {
        _exact = exact;
        // Sixteen additions take no longer than any other operator takes for an element.
        Operations = input.ElementCount / 16;
        string details = $"{input} [{string.Join(',', isReduced.ToArray())}]";
        List<(long Length, bool IsReduced)> runs = Runs(input, isReduced);
        nuint* shape = stackalloc nuint[runs.Count];
        long* axes = stackalloc long[runs.Count];
        nuint axisCount = 0;
        for (int i = 0; i < runs.Count; i++)
        {
            shape[i] = (nuint)runs[i].Length;
            if (runs[i].IsReduced)
            {
                axes[axisCount++] = i;
            }
            else
            {
                _resultCount *= runs[i].Length;
            }
        }

        xnn_operator* created = null;
        Own(xnn_create_reduce_nd(isMean ? xnn_reduce_operator.xnn_reduce_mean : xnn_reduce_operator.xnn_reduce_sum, xnn_datatype.xnn_datatype_fp32, null, null, 0, &created), created, nameof(xnn_create_reduce_nd), details);

        // Single precision needs no workspace: sums are made in the output.
        Reshaped(xnn_reshape_reduce_nd(created, axisCount, axes, (nuint)runs.Count, shape, null, null, workers.For(Operations)), nameof(xnn_reshape_reduce_nd), details);
    }

    /// <inheritdoc/>
    protected override long Operations { get; }

    /// <inheritdoc/>
    public override string Name => "xnn reduce";

    /// <inheritdoc/>
    public override long ScratchBytes => Math.Max(base.ScratchBytes, _exact.ScratchBytes);

    /// <summary>Whether XNNPACK knows so many dimensions, and whether sums of so many elements keep their digits in single precision.</summary>
    public static bool Supports(Shape input, ReadOnlySpan<bool> isReduced)
    {
        List<(long Length, bool IsReduced)> runs = Runs(input, isReduced);
        if (input.ElementCount == 0 || runs.Count > XNN_MAX_TENSOR_DIMS || !runs.Exists(run => run.IsReduced) || IsOfLongRows(runs))
        {
            return false;
        }

        long chain = 1;
        for (int i = 0; i < runs.Count; i++)
        {
            long additions = i == runs.Count - 1 ? (runs[i].Length + PartialSums - 1) / PartialSums : runs[i].Length;
            chain *= runs[i].IsReduced ? additions : 1;
        }

        return chain <= LongestChain;
    }

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        XnnpackLibrary.Check(xnn_setup_reduce_nd(Operator, null, context.Input(0), context.Output(0)), nameof(xnn_setup_reduce_nd), context.Call.NodeName);
        RunOperator(context);
        if (!AreFinite((float*)context.Output(0), _resultCount))
        {
            _exact.Run(context);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _exact.Dispose();
        base.Dispose(disposing);
    }

    // The difference of a number and itself is zero; that of what is not finite is none.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool AreFinite(float* results, long count)
    {
        Vector<float> differences = default;
        long i = 0;
        for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
        {
            Vector<float> values = Vector.Load(results + i);
            differences += values - values;
        }

        float difference = Vector.Sum(differences);
        for (; i < count; i++)
        {
            difference += results[i] - results[i];
        }

        return difference == 0;
    }

    // XNNPACK adds rows of many elements to each other no faster than they come from memory twice.
    private static bool IsOfLongRows(List<(long Length, bool IsReduced)> runs) => !runs[^1].IsReduced && runs[^1].Length >= LongRow;

    // Neighbouring dimensions that share their fate are one; those of 1 are none.
    private static List<(long Length, bool IsReduced)> Runs(Shape input, ReadOnlySpan<bool> isReduced)
    {
        List<(long Length, bool IsReduced)> runs = [];
        for (int i = 0; i < input.Rank; i++)
        {
            if (input[i] == 1)
            {
                continue;
            }

            if (runs.Count > 0 && runs[^1].IsReduced == isReduced[i])
            {
                runs[^1] = (runs[^1].Length * input[i], isReduced[i]);
            }
            else
            {
                runs.Add((input[i], isReduced[i]));
            }
        }

        return runs;
    }
}
