using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Convolution over up to three spatial dimensions of any floating-point type, several output channels and vectors of a row at a time.</summary>
/// <remarks>
/// Each item is copied into scratch memory first, with its padding, and with the positions of a row that are strides apart
/// beside each other: then every element of the weight meets whole vectors of the input, at a distance that is the same for
/// all windows, and the sums stay in registers. Inputs of the step: data [N, C, …], weight [M, C/group, …], then the bias [M]
/// if there is one. Loops are compiled for speed before their first call: a plan may run only a few times.
/// </remarks>
internal sealed unsafe class PaddedConvolutionKernel<T, TCompute> : Kernel, IParallelBody
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    private const int BlockChannels = 4;
    private const int BlockVectors = 2;
    private const long PieceMultiplications = 256 << 10;

    private readonly PoolingGeometry _geometry;
    private readonly long _inputs;
    private readonly long _outputs;
    private readonly long _groups;
    private readonly bool _hasBias;
    private readonly Padding _padding;

    // Rows and the parts of a row whose positions are strides apart.
    private readonly long _height;
    private readonly long _parts;
    private readonly long _partLength;
    private readonly long _planeLength;
    private readonly long[] _offsets;
    private readonly long _blocksPerGroup;
    private readonly long _rowsPerPiece;
    private readonly long _operations;
    private KernelContext? _context;
    private long _item;

    /// <summary>Makes the kernel; <see cref="Supports"/> must hold.</summary>
    /// <param name="geometry">The windows; its planes are items times output channels.</param>
    /// <param name="inputs">The number of input channels.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="groups">The number of groups.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    public PaddedConvolutionKernel(PoolingGeometry geometry, long inputs, long outputs, long groups, bool hasBias)
    {
        _geometry = geometry;
        _inputs = inputs;
        _outputs = outputs;
        _groups = groups;
        _hasBias = hasBias;
        _padding = new Padding(this);
        (long depth, _height, _parts, _partLength) = PaddedSize(geometry);
        _planeLength = depth * _height * _parts * _partLength;
        _offsets = new long[geometry.Kernel[0] * geometry.Kernel[1] * geometry.Kernel[2]];
        for (long i = 0; i < _offsets.Length; i++)
        {
            (long rest, long kx) = Math.DivRem(i, geometry.Kernel[2]);
            (long kz, long ky) = Math.DivRem(rest, geometry.Kernel[1]);
            (long position, long part) = Math.DivRem(kx * geometry.Dilations[2], geometry.Strides[2]);
            _offsets[i] = ((kz * geometry.Dilations[0] * _height + ky * geometry.Dilations[1]) * _parts + part) * _partLength + position;
        }

        _blocksPerGroup = (outputs / groups + BlockChannels - 1) / BlockChannels;
        long work = BlockChannels * geometry.Output[2] * inputs / groups * _offsets.Length;
        _rowsPerPiece = Math.Max(1, PieceMultiplications / Math.Max(1, work));
        _operations = (long)Math.Min(long.MaxValue / 2, (double)work * groups * _blocksPerGroup * geometry.Output[0] * geometry.Output[1]);
    }

    /// <inheritdoc/>
    public override string Name => "padded convolution";

    /// <inheritdoc/>
    public override long ScratchBytes => _inputs * _planeLength * sizeof(TCompute);

    /// <summary>Whether the copy with padding is not much larger than the tensors themselves.</summary>
    public static bool Supports(PoolingGeometry geometry, long inputs, long outputs)
    {
        if (geometry.OutputRows == 0 || geometry.Output[2] == 0 || (double)geometry.Kernel[0] * geometry.Kernel[1] * geometry.Kernel[2] > 1 << 16)
        {
            return false;
        }

        (long depth, long height, long parts, long partLength) = PaddedSize(geometry);
        double copy = (double)inputs * depth * height * parts * partLength;
        return copy <= 4.0 * Math.Max(inputs * geometry.InputPlane, outputs * geometry.Output[0] * geometry.Output[1] * geometry.Output[2]) + (64 << 10);
    }

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        long units = _groups * _blocksPerGroup * _geometry.Output[0] * _geometry.Output[1];
        for (_item = 0; _item < _geometry.Planes / _outputs; _item++)
        {
            context.Workers.Parallelize(_padding, checked((int)_inputs), _inputs * _planeLength);
            context.Workers.Parallelize(this, checked((int)((units + _rowsPerPiece - 1) / _rowsPerPiece)), _operations);
        }

        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long rows = _geometry.Output[0] * _geometry.Output[1];
        long last = Math.Min((index + 1) * _rowsPerPiece, _groups * _blocksPerGroup * rows);
        for (long unit = index * _rowsPerPiece; unit < last; unit++)
        {
            (long block, long row) = Math.DivRem(unit, rows);
            ComputeRow(block, row);
        }
    }

    // One row of the output of up to four channels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeRow(long block, long row)
    {
        long perGroup = _inputs / _groups;
        long outputsPerGroup = _outputs / _groups;
        (long group, long blockInGroup) = Math.DivRem(block, _blocksPerGroup);
        long channel = group * outputsPerGroup + blockInGroup * BlockChannels;
        int channels = (int)Math.Min(BlockChannels, outputsPerGroup - blockInGroup * BlockChannels);
        (long z, long y) = Math.DivRem(row, _geometry.Output[1]);
        long taps = _offsets.Length;
        long width = _geometry.Output[2];
        int step = BlockVectors * Vector<TCompute>.Count;

        // Channels that are not there repeat the last one that is, and are not stored.
        T* weight0 = (T*)_context!.Input(1) + channel * perGroup * taps;
        T* weight1 = weight0 + Math.Min(1, channels - 1) * perGroup * taps;
        T* weight2 = weight0 + Math.Min(2, channels - 1) * perGroup * taps;
        T* weight3 = weight0 + Math.Min(3, channels - 1) * perGroup * taps;
        TCompute* start = (TCompute*)_context.Scratch + group * perGroup * _planeLength + (z * _geometry.Strides[0] * _height + y * _geometry.Strides[1]) * _parts * _partLength;
        long plane = _geometry.Output[0] * _geometry.Output[1] * width;
        T* output = (T*)_context.Output(0) + (_item * _outputs + channel) * plane + row * width;
        TCompute* results = stackalloc TCompute[BlockChannels * step];
        fixed (long* offsets = _offsets)
        {
            for (long x = 0; x < width; x += step)
            {
                Vector<TCompute> sum00 = default, sum01 = default, sum10 = default, sum11 = default, sum20 = default, sum21 = default, sum30 = default, sum31 = default;
                TCompute* source = start + x;
                for (long c = 0, tap = 0; c < perGroup; c++, source += _planeLength)
                {
                    for (long k = 0; k < taps; k++, tap++)
                    {
                        Vector<TCompute> left = Vector.Load(source + offsets[k]);
                        Vector<TCompute> right = Vector.Load(source + offsets[k] + Vector<TCompute>.Count);
                        Vector<TCompute> factor0 = new(Widen(weight0[tap]));
                        sum00 = MultiplyAdd(left, factor0, sum00);
                        sum01 = MultiplyAdd(right, factor0, sum01);
                        Vector<TCompute> factor1 = new(Widen(weight1[tap]));
                        sum10 = MultiplyAdd(left, factor1, sum10);
                        sum11 = MultiplyAdd(right, factor1, sum11);
                        Vector<TCompute> factor2 = new(Widen(weight2[tap]));
                        sum20 = MultiplyAdd(left, factor2, sum20);
                        sum21 = MultiplyAdd(right, factor2, sum21);
                        Vector<TCompute> factor3 = new(Widen(weight3[tap]));
                        sum30 = MultiplyAdd(left, factor3, sum30);
                        sum31 = MultiplyAdd(right, factor3, sum31);
                    }
                }

                sum00.Store(results);
                sum01.Store(results + Vector<TCompute>.Count);
                sum10.Store(results + step);
                sum11.Store(results + step + Vector<TCompute>.Count);
                sum20.Store(results + 2 * step);
                sum21.Store(results + 2 * step + Vector<TCompute>.Count);
                sum30.Store(results + 3 * step);
                sum31.Store(results + 3 * step + Vector<TCompute>.Count);
                int count = (int)Math.Min(step, width - x);
                for (int i = 0; i < channels; i++)
                {
                    TCompute bias = _hasBias ? Widen(((T*)_context.Input(2))[channel + i]) : TCompute.Zero;
                    T* target = output + i * plane + x;
                    for (int k = 0; k < count; k++)
                    {
                        target[k] = T.CreateTruncating(results[i * step + k] + bias);
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TCompute Widen(T value) => typeof(T) == typeof(TCompute) ? Unsafe.BitCast<T, TCompute>(value) : TCompute.CreateTruncating(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<TCompute> MultiplyAdd(Vector<TCompute> left, Vector<TCompute> right, Vector<TCompute> summand) =>
        typeof(TCompute) == typeof(float) ? Vector.FusedMultiplyAdd(left.As<TCompute, float>(), right.As<TCompute, float>(), summand.As<TCompute, float>()).As<float, TCompute>() :
        typeof(TCompute) == typeof(double) ? Vector.FusedMultiplyAdd(left.As<TCompute, double>(), right.As<TCompute, double>(), summand.As<TCompute, double>()).As<double, TCompute>() :
        left * right + summand;

    // Of a padded plane: rows of rows, their parts, and the length of a part, with room for the last vectors that are loaded.
    private static (long Depth, long Height, long Parts, long PartLength) PaddedSize(PoolingGeometry geometry)
    {
        int step = BlockVectors * Vector<TCompute>.Count;
        long width = (geometry.Output[2] + step - 1) / step * step;
        return (
            (geometry.Output[0] - 1) * geometry.Strides[0] + (geometry.Kernel[0] - 1) * geometry.Dilations[0] + 1,
            (geometry.Output[1] - 1) * geometry.Strides[1] + (geometry.Kernel[1] - 1) * geometry.Dilations[1] + 1,
            geometry.Strides[2],
            width + (geometry.Kernel[2] - 1) * geometry.Dilations[2] / geometry.Strides[2]);
    }

    private sealed class Padding(PaddedConvolutionKernel<T, TCompute> kernel) : IParallelBody
    {
        // One channel of the item.
        public void Execute(int index)
        {
            PoolingGeometry geometry = kernel._geometry;
            T* input = (T*)kernel._context!.Input(0) + (kernel._item * kernel._inputs + index) * geometry.InputPlane;
            TCompute* target = (TCompute*)kernel._context.Scratch + index * kernel._planeLength;
            long rowLength = kernel._parts * kernel._partLength;
            long rows = kernel._planeLength / rowLength;
            for (long row = 0; row < rows; row++, target += rowLength)
            {
                (long z, long y) = Math.DivRem(row, kernel._height);
                z -= geometry.PadsBegin[0];
                y -= geometry.PadsBegin[1];
                T* source = z < 0 || z >= geometry.Input[0] || y < 0 || y >= geometry.Input[1] ? null : input + (z * geometry.Input[1] + y) * geometry.Input[2];
                for (long part = 0; part < kernel._parts; part++)
                {
                    WritePart(source, part - geometry.PadsBegin[2], geometry.Strides[2], geometry.Input[2], target + part * kernel._partLength, kernel._partLength);
                }
            }
        }

        // Positions that are strides apart, zeros where there is no input.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void WritePart(T* source, long position, long stride, long width, TCompute* target, long length)
        {
            long from = source is null ? length : Math.Min(length, position >= 0 ? 0 : (-position + stride - 1) / stride);
            long to = source is null || position >= width ? from : Math.Clamp((width - 1 - position) / stride + 1, from, length);
            for (long i = 0; i < from; i++)
            {
                target[i] = TCompute.Zero;
            }

            if (stride == 1 && from < to)
            {
                Convert(source + position + from, target + from, to - from);
            }
            else
            {
                for (long i = from; i < to; i++)
                {
                    target[i] = Widen(source[position + i * stride]);
                }
            }

            for (long i = to; i < length; i++)
            {
                target[i] = TCompute.Zero;
            }
        }

        private static void Convert(T* source, TCompute* target, long count)
        {
            if (typeof(T) == typeof(TCompute))
            {
                Buffer.MemoryCopy(source, target, count * sizeof(T), count * sizeof(T));
            }
            else
            {
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(source, checked((int)count)), new Span<TCompute>(target, checked((int)count)));
            }
        }
    }
}
