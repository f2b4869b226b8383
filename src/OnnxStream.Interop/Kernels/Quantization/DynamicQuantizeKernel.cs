using System.Numerics.Tensors;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>Quantizes single-precision numbers to bytes whose range covers them and zero. Outputs of the step: data, scale, zero point.</summary>
internal sealed unsafe class DynamicQuantizeKernel(long count) : Kernel, IParallelBody
{
    private const long PieceElements = 64 << 10;

    private KernelContext? _context;
    private float _scale;
    private float _zeroPoint;

    private long PieceCount => (count + PieceElements - 1) / PieceElements;

    /// <inheritdoc/>
    public override string Name => "dynamic quantize";

    /// <inheritdoc/>
    public override long ScratchBytes => PieceCount * 2 * sizeof(float);

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        _scale = 0;
        context.Workers.Parallelize(this, checked((int)PieceCount));
        float least = 0;
        float most = 0;
        for (long i = 0; i < PieceCount; i++)
        {
            least = Math.Min(least, ((float*)context.Scratch)[2 * i]);
            most = Math.Max(most, ((float*)context.Scratch)[2 * i + 1]);
        }

        _scale = least == most ? 1 : (most - least) / byte.MaxValue;
        _zeroPoint = Math.Clamp(MathF.Round(-least / _scale), byte.MinValue, byte.MaxValue);
        *(float*)context.Output(1) = _scale;
        *context.Output(2) = (byte)_zeroPoint;
        context.Workers.Parallelize(this, checked((int)PieceCount));
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        float* input = (float*)_context!.Input(0) + index * PieceElements;
        int length = (int)Math.Min(PieceElements, count - index * PieceElements);
        if (_scale == 0)
        {
            if (!QuantizedRows.TryFindRange(input, length, out float low, out float high))
            {
                // NaN stays NaN.
                ReadOnlySpan<float> values = new(input, length);
                (low, high) = (TensorPrimitives.Min(values), TensorPrimitives.Max(values));
            }

            ((float*)_context.Scratch)[2 * index] = low;
            ((float*)_context.Scratch)[2 * index + 1] = high;
            return;
        }

        QuantizationLoops.Quantize(input, _scale, _zeroPoint, _context.Output(0) + index * PieceElements, length, isSigned: false);
    }
}
