using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Makes results of sums of products: (sum + correction * sum of the row) * factor + offset, within limits, rounded to even and saturated where they are 8-bit integers.</summary>
internal sealed unsafe class SumFinish
{
    // Rows that a thread takes at a time.
    private const int PieceRows = 16;

    /// <summary>The type of the results: single precision, int32, uint8 or int8.</summary>
    public required ElementType Type { get; init; }

    /// <summary>The output channels: elements from a row of results to the next.</summary>
    public required int Channels { get; init; }

    /// <summary>What the sums of each output channel are multiplied with. Int32 is not.</summary>
    public required float* Factors { get; init; }

    /// <summary>What is added to the results of each output channel.</summary>
    public required float* Offsets { get; init; }

    /// <summary>What the sum of a row is multiplied with for each output channel, and added to its sums; null for nothing.</summary>
    public float[]? Corrections { get; init; }

    /// <summary>The sum of each row, if there are corrections.</summary>
    public int* RowSums { get; init; }

    /// <summary>The least result, in steps of 8-bit results.</summary>
    public float Low { get; init; }

    /// <summary>The greatest result.</summary>
    public float High { get; init; }

    /// <summary>The zero point of 8-bit results.</summary>
    public int ZeroPoint { get; init; }

    /// <summary>Finishes rows.</summary>
    /// <param name="sums">The first sum of the first row, in single precision. Single-precision results take their place.</param>
    /// <param name="stride">Sums from a row to the next.</param>
    /// <param name="row">The first row, of all.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="first">The first output channel.</param>
    /// <param name="count">How many output channels.</param>
    /// <param name="shift">For int32: by how many bits the sums are shifted. Those that are not come first, and others are added to them.</param>
    /// <param name="output">The first result of all rows and channels.</param>
    /// <param name="workers">The threads; null for the calling one.</param>
    public void Run(float* sums, long stride, long row, long rows, int first, int count, int shift, byte* output, WorkerPool? workers)
    {
        Piece piece = new(this, sums, stride, row, rows, first, count, shift, output);
        int pieces = checked((int)((rows + PieceRows - 1) / PieceRows));
        if (workers is not null)
        {
            workers.Parallelize(piece, pieces, rows * count);
            return;
        }

        for (int i = 0; i < pieces; i++)
        {
            piece.Execute(i);
        }
    }

    private void Finish(float* sums, int first, int count, long row, int shift, byte* output)
    {
        if (Type == ElementType.Int32)
        {
            FinishIntegers(sums, first, count, row, shift, (int*)output + row * Channels + first);
            return;
        }

        float rowSum = Corrections is null ? 0 : RowSums[row];
        fixed (float* all = Corrections)
        {
            float* corrections = all is null ? null : all + first;
            if (Type == ElementType.Float32)
            {
                FinishFloats(sums, Factors + first, Offsets + first, corrections, rowSum, count);
            }
            else
            {
                FinishBytes(sums, Factors + first, Offsets + first, corrections, rowSum, count, output + row * Channels + first);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FinishFloats(float* sums, float* factors, float* offsets, float* corrections, float rowSum, int count)
    {
        int i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            Scale(sums, factors, offsets, corrections, rowSum, i).Store(sums + i);
        }

        for (; i < count; i++)
        {
            sums[i] = ScaleOne(sums, factors, offsets, corrections, rowSum, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FinishBytes(float* sums, float* factors, float* offsets, float* corrections, float rowSum, int count, byte* output)
    {
        (float least, float most) = Type == ElementType.UInt8 ? (0, 255) : (-128f, 127f);
        float zeroPoint = ZeroPoint;
        int width = Vector<float>.Count;
        int i = 0;
        for (; i <= count - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector<short> low = Vector.Narrow(Round(i), Round(i + width));
            Vector<short> high = Vector.Narrow(Round(i + 2 * width), Round(i + 3 * width));
            Vector.AsVectorByte(Vector.Narrow(low, high)).Store(output + i);
        }

        for (; i < count; i++)
        {
            float rounded = MathF.Round(ScaleOne(sums, factors, offsets, corrections, rowSum, i)) + zeroPoint;
            output[i] = float.IsNaN(rounded) ? (byte)0 : unchecked((byte)(int)Math.Clamp(rounded, least, most));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector<int> Round(int start)
        {
            Vector<float> rounded = Vector.Round(Scale(sums, factors, offsets, corrections, rowSum, start)) + new Vector<float>(zeroPoint);
            return Vector.ConvertToInt32(Vector.Min(Vector.Max(rounded, new Vector<float>(least)), new Vector<float>(most)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FinishIntegers(float* sums, int first, int count, long row, int shift, int* output)
    {
        int rowSum = Corrections is null ? 0 : RowSums[row];
        for (int i = 0; i < count; i++)
        {
            int sum = (int)sums[i] << shift;
            output[i] = shift > 0 ? unchecked(output[i] + sum) : Corrections is null ? sum : unchecked(sum + (int)Corrections[first + i] * rowSum);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector<float> Scale(float* sums, float* factors, float* offsets, float* corrections, float rowSum, int i)
    {
        Vector<float> sum = Vector.Load(sums + i);
        sum = corrections is null ? sum : sum + Vector.Load(corrections + i) * rowSum;
        Vector<float> result = sum * Vector.Load(factors + i) + Vector.Load(offsets + i);
        return Vector.Min(Vector.Max(result, new Vector<float>(Low)), new Vector<float>(High));
    }

    private float ScaleOne(float* sums, float* factors, float* offsets, float* corrections, float rowSum, int i)
    {
        float sum = corrections is null ? sums[i] : sums[i] + corrections[i] * rowSum;
        return MathF.Min(MathF.Max(sum * factors[i] + offsets[i], Low), High);
    }

    private sealed class Piece(SumFinish finish, float* sums, long stride, long row, long rows, int first, int count, int shift, byte* output) : IParallelBody
    {
        public void Execute(int index)
        {
            long end = Math.Min(rows, (index + 1L) * PieceRows);
            for (long i = (long)index * PieceRows; i < end; i++)
            {
                finish.Finish(sums + i * stride, first, count, row + i, shift, output);
            }
        }
    }
}
