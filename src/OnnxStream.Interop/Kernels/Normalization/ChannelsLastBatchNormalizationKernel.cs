using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Batch normalisation of single-precision [rows, channels] with known statistics: a multiplication and an addition for each element.</summary>
/// <param name="rows">The number of rows.</param>
/// <param name="channels">The number of channels.</param>
/// <param name="epsilon">What keeps the divisor from being zero.</param>
/// <param name="inputStride">Elements from a row of the input to the next.</param>
/// <param name="outputStride">Elements from a row of the output to the next.</param>
/// <remarks>Inputs of the step: data, scale, bias, mean and variance, each of <paramref name="channels"/> elements.</remarks>
internal sealed unsafe class ChannelsLastBatchNormalizationKernel(long rows, long channels, double epsilon, long inputStride, long outputStride) : Kernel, IParallelBody
{
    private const long PieceElements = 16 << 10;

    private readonly long _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, channels));
    private KernelContext? _context;

    /// <summary>The least result; what would be less becomes it.</summary>
    public float Low { get; init; } = float.NegativeInfinity;

    /// <summary>The greatest result; what would be more becomes it.</summary>
    public float High { get; init; } = float.PositiveInfinity;

    /// <inheritdoc/>
    public override string Name => "batch normalization channels last";

    // A factor and a summand for each channel.
    /// <inheritdoc/>
    public override long ScratchBytes => 2 * channels * sizeof(float);

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0 && inputStride == outputStride;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        float* factors = (float*)context.Scratch;
        for (long c = 0; c < channels; c++)
        {
            double factor = ((float*)context.Input(1))[c] / Math.Sqrt(((float*)context.Input(4))[c] + epsilon);
            factors[c] = (float)factor;
            factors[channels + c] = (float)(((float*)context.Input(2))[c] - ((float*)context.Input(3))[c] * factor);
        }

        _context = context;
        context.Workers.Parallelize(this, checked((int)((rows + _rowsPerPiece - 1) / _rowsPerPiece)), rows * channels);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long first = index * _rowsPerPiece;
        float* input = (float*)_context!.Input(0) + first * inputStride;
        float* output = (float*)_context.Output(0) + first * outputStride;
        Compute(input, output, Math.Min(_rowsPerPiece, rows - first), (float*)_context.Scratch);
    }

    // Compiled for speed before the first call: a plan may run only a few times.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Compute(float* input, float* output, long count, float* factors)
    {
        float* summands = factors + channels;
        Vector<float> least = new(Low);
        Vector<float> greatest = new(High);
        for (long row = 0; row < count; row++, input += inputStride, output += outputStride)
        {
            long c = 0;
            for (; c + Vector<float>.Count <= channels; c += Vector<float>.Count)
            {
                Vector.Min(Vector.Max(Vector.FusedMultiplyAdd(Vector.Load(input + c), Vector.Load(factors + c), Vector.Load(summands + c)), least), greatest).Store(output + c);
            }

            for (; c < channels; c++)
            {
                output[c] = MathF.Min(MathF.Max(float.FusedMultiplyAdd(input[c], factors[c], summands[c]), Low), High);
            }
        }
    }
}
