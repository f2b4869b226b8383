using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>Batch normalisation of single-precision [rows, channels] with known statistics: a multiplication and an addition for each element.</summary>
/// <param name="rows">The number of rows.</param>
/// <param name="channels">The number of channels.</param>
/// <param name="epsilon">What keeps the divisor from being zero.</param>
/// <remarks>Inputs of the step: data, scale, bias, mean and variance, each of <paramref name="channels"/> elements.</remarks>
internal sealed unsafe class ChannelsLastBatchNormalizationKernel(long rows, long channels, double epsilon) : Kernel, IParallelBody
{
    private const long PieceElements = 16 << 10;

    private readonly long _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, channels));
    private KernelContext? _context;

    /// <inheritdoc/>
    public override string Name => "batch normalization channels last";

    // A factor and a summand for each channel.
    /// <inheritdoc/>
    public override long ScratchBytes => 2 * channels * sizeof(float);

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

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
        float* input = (float*)_context!.Input(0) + first * channels;
        float* output = (float*)_context.Output(0) + first * channels;
        Compute(input, output, Math.Min(_rowsPerPiece, rows - first), (float*)_context.Scratch);
    }

    // Compiled for speed before the first call: a plan may run only a few times.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Compute(float* input, float* output, long count, float* factors)
    {
        float* summands = factors + channels;
        for (long row = 0; row < count; row++, input += channels, output += channels)
        {
            long c = 0;
            for (; c + Vector<float>.Count <= channels; c += Vector<float>.Count)
            {
                Vector.FusedMultiplyAdd(Vector.Load(input + c), Vector.Load(factors + c), Vector.Load(summands + c)).Store(output + c);
            }

            for (; c < channels; c++)
            {
                output[c] = float.FusedMultiplyAdd(input[c], factors[c], summands[c]);
            }
        }
    }
}
