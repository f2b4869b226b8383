using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Group normalization of single-precision [N, space, C] (channels last) or [N, C, space], with an activation behind it.</summary>
/// <remarks>
/// One pass finds mean and variance of each channel in pieces, relative to the piece's first element; they are put together
/// in double precision, relative to the group's first element. A second pass writes (x - mean) * a[c] + b[c]. So neither a
/// large mean nor a large tensor costs digits. Groups whose squares leave the range of single precision are measured in double precision.
/// Channels-last data and results may be stored in any <see cref="RowFormat"/>. Inputs of the step:
/// data, scale [C], bias [C]. Wu and He, arXiv 1803.08494.
/// </remarks>
internal sealed unsafe class GroupNormalizationKernel<TFunction> : Kernel
    where TFunction : IActivationFunction
{
    private const int RowsPerPiece = 64;
    private const int CoefficientCount = 3;

    // Between these, mean squares of single-precision numbers have lost no digits in single precision.
    private const double LeastSquare = 1e-30;
    private const double GreatestSquare = 1e36;

    private readonly int _batch;
    private readonly int _channels;
    private readonly int _space;
    private readonly int _groups;
    private readonly float _epsilon;
    private readonly bool _channelsLast;
    private readonly int _pieces;
    private readonly StorageTypes _types;
    private readonly int _workers;
    private readonly WorkerSlots _slots;
    private readonly Statistics _statistics;
    private readonly Output _output;
    private readonly Sums[] _sums;
    private KernelContext? _context;

    /// <summary>Makes the kernel.</summary>
    public GroupNormalizationKernel(int batch, int channels, int space, int groups, float epsilon, bool channelsLast, WorkerPool workers, StorageTypes types = default)
    {
        _types = types;
        _workers = workers.WorkerCount;
        _slots = new WorkerSlots(_workers);
        _batch = batch;
        _channels = channels;
        _space = space;
        _groups = groups;
        _epsilon = epsilon;
        _channelsLast = channelsLast;
        _pieces = (space + RowsPerPiece - 1) / RowsPerPiece;
        _statistics = new Statistics(this);
        _output = new Output(this);
        _sums = new Sums[groups];
    }

    /// <inheritdoc/>
    public override string Name => "group normalization";

    /// <inheritdoc/>
    public override long ScratchBytes => CoefficientBytes + PartialBytes + (_types.Expands || _types.Rounds ? _workers * PieceBytes : 0);

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    private long CoefficientBytes => ((long)_batch * _channels * CoefficientCount * sizeof(float) + 7) & ~7L;

    private long PartialBytes => _channelsLast ? (long)_batch * _pieces * _channels * 2 * sizeof(float) : (long)_batch * _channels * 2 * sizeof(double);

    private long PieceBytes => (long)RowsPerPiece * _channels * sizeof(float);

    // For image n, channel c: center, factor and summand, as [n, 3, c].
    private float* Coefficients => (float*)_context!.Scratch;

    // Channels last: mean (less the piece's first element) and sum of squared deviations of each channel in each piece of
    // rows, as [n, piece, 2, c] in single precision. Otherwise of each channel, as [n, c, 2] in double precision.
    private byte* Partial => _context!.Scratch + CoefficientBytes;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        long elements = (long)_batch * _channels * _space;
        context.Workers.Parallelize(_statistics, _channelsLast ? _batch * _pieces : _batch * _channels, elements);
        Combine();
        context.Workers.Parallelize(_output, _channelsLast ? _batch * _pieces : _batch * _channels, elements);
        _context = null;
    }

    private void Combine()
    {
        float* scale = (float*)_context!.Input(1);
        float* bias = (float*)_context.Input(2);
        int perGroup = _channels / _groups;
        double count = (double)perGroup * _space;
        for (int n = 0; n < _batch; n++)
        {
            if (_channelsLast)
            {
                CombinePieces(n, perGroup);
            }

            for (int g = 0; g < _groups; g++)
            {
                (double mean, double squares) = _channelsLast ? _sums[g].Result : CombineChannels(n, g * perGroup, perGroup);
                double divisor = squares / count + _epsilon;
                if (!(divisor > LeastSquare && divisor < GreatestSquare))
                {
                    (mean, squares) = MeasureExactly(n, g * perGroup, perGroup);
                }

                double inverse = 1 / Math.Sqrt(squares / count + _epsilon);
                float center = (float)mean;
                float* coefficients = Coefficients + (long)n * CoefficientCount * _channels;
                for (int c = g * perGroup; c < (g + 1) * perGroup; c++)
                {
                    coefficients[c] = center;
                    coefficients[_channels + c] = (float)(inverse * scale[c]);
                    coefficients[2 * _channels + c] = (float)(bias[c] + (center - mean) * inverse * scale[c]);
                }
            }
        }
    }

    // The mean and the sum of squared deviations of all groups.
    private void CombinePieces(int n, int perGroup)
    {
        for (int piece = 0; piece < _pieces; piece++)
        {
            float* shifts = Row(n, (long)piece * RowsPerPiece);
            float* partial = (float*)Partial + ((long)n * _pieces + piece) * 2 * _channels;
            int rows = Math.Min(RowsPerPiece, _space - piece * RowsPerPiece);
            for (int g = 0; g < _groups; g++)
            {
                int first = g * perGroup;
                Sums sums = piece == 0 ? new Sums(shifts[first]) : _sums[g];
                for (int c = first; c < first + perGroup; c++)
                {
                    sums.Add(rows, (double)shifts[c] + partial[c], partial[_channels + c]);
                }

                _sums[g] = sums;
            }
        }
    }

    private (double Mean, double Squares) MeasureExactly(int n, int first, int count)
    {
        double Sum(double center, bool isSquared)
        {
            double sum = 0;
            for (long i = 0; i < _space; i++)
            {
                float* row = _channelsLast ? Row(n, i) : (float*)_context!.Input(0) + (long)n * _space * _channels + i;
                for (long c = first; c < first + count; c++)
                {
                    double distance = row[_channelsLast ? c : c * _space] - center;
                    sum += isSquared ? distance * distance : distance;
                }
            }

            return sum;
        }

        double mean = Sum(0, isSquared: false) / ((double)count * _space);
        return (mean, Sum(mean, isSquared: true));
    }

    // A row of channels-last data in single precision. On one thread, and no piece is in use.
    private float* Row(int n, long index)
    {
        byte* row = _context!.Input(0) + ((long)n * _space + index) * _types.Data.Bytes(_channels);
        if (!_types.Expands)
        {
            return (float*)row;
        }

        _types.Data.Expand(row, Piece(0), _channels);
        return Piece(0);
    }

    // Memory for one piece in single precision.
    private float* Piece(int slot) => (float*)(Partial + PartialBytes + slot * PieceBytes);

    private (double Mean, double Squares) CombineChannels(int n, int first, int count)
    {
        double* partial = (double*)Partial + ((long)n * _channels + first) * 2;
        Sums sums = new(partial[0]);
        for (int c = 0; c < count; c++, partial += 2)
        {
            sums.Add(_space, partial[0], partial[1]);
        }

        return sums.Result;
    }

    // Puts means and squared deviations of parts together, relative to a number that lies near them.
    private struct Sums(double origin)
    {
        private double _count;
        private double _sum;
        private double _squares;

        public readonly (double Mean, double Squares) Result => (origin + _sum / _count, Math.Max(0, _squares - _sum * _sum / _count));

        public void Add(double count, double mean, double squares)
        {
            double distance = mean - origin;
            _count += count;
            _sum += count * distance;
            _squares += squares + count * distance * distance;
        }
    }

    private sealed class Statistics(GroupNormalizationKernel<TFunction> kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            if (!kernel._channelsLast)
            {
                ChannelsFirst(index);
                return;
            }

            (int n, int piece) = Math.DivRem(index, kernel._pieces);
            int first = piece * RowsPerPiece;
            int rows = Math.Min(RowsPerPiece, kernel._space - first);
            RowFormat data = kernel._types.Data;
            byte* input = kernel._context!.Input(0) + ((long)n * kernel._space + first) * data.Bytes(kernel._channels);
            if (data.IsSingle)
            {
                ChannelsLast(index, (float*)input, rows);
                return;
            }

            int slot = kernel._slots.Acquire();
            try
            {
                data.ExpandRows(input, kernel.Piece(slot), rows, kernel._channels);
                ChannelsLast(index, kernel.Piece(slot), rows);
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void ChannelsLast(int index, float* input, int rows)
        {
            int channels = kernel._channels;
            float* means = (float*)kernel.Partial + (long)index * 2 * channels;
            float* squares = means + channels;
            float inverse = 1f / rows;
            int c = 0;

            // Four vectors of channels at a time: a cache line or more of each row, in registers.
            for (; c + 4 * Vector<float>.Count <= channels; c += 4 * Vector<float>.Count)
            {
                Columns4(input + c, channels, rows, inverse, means + c, squares + c);
            }

            for (; c < channels; c++)
            {
                float shift = input[c];
                float sum = 0;
                float sumOfSquares = 0;
                for (int row = 0; row < rows; row++)
                {
                    float d = input[(long)row * channels + c] - shift;
                    sum += d;
                    sumOfSquares += d * d;
                }

                means[c] = sum * inverse;
                squares[c] = MathF.Max(0, sumOfSquares - sum * sum * inverse);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Columns4(float* input, int stride, int rows, float inverse, float* means, float* squares)
        {
            int width = Vector<float>.Count;
            Vector<float> shift0 = Vector.Load(input), shift1 = Vector.Load(input + width), shift2 = Vector.Load(input + 2 * width), shift3 = Vector.Load(input + 3 * width);
            Vector<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
            Vector<float> square0 = default, square1 = default, square2 = default, square3 = default;
            for (int row = 0; row < rows; row++, input += stride)
            {
                Vector<float> d0 = Vector.Load(input) - shift0;
                Vector<float> d1 = Vector.Load(input + width) - shift1;
                Vector<float> d2 = Vector.Load(input + 2 * width) - shift2;
                Vector<float> d3 = Vector.Load(input + 3 * width) - shift3;
                sum0 += d0;
                sum1 += d1;
                sum2 += d2;
                sum3 += d3;
                square0 = Vector.FusedMultiplyAdd(d0, d0, square0);
                square1 = Vector.FusedMultiplyAdd(d1, d1, square1);
                square2 = Vector.FusedMultiplyAdd(d2, d2, square2);
                square3 = Vector.FusedMultiplyAdd(d3, d3, square3);
            }

            Store(sum0, square0, 0);
            Store(sum1, square1, width);
            Store(sum2, square2, 2 * width);
            Store(sum3, square3, 3 * width);

            void Store(Vector<float> sum, Vector<float> square, int offset)
            {
                Vector<float> mean = sum * inverse;
                mean.Store(means + offset);
                Vector.Max(square - sum * mean, Vector<float>.Zero).Store(squares + offset);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void ChannelsFirst(int index)
        {
            float* input = (float*)kernel._context!.Input(0) + (long)index * kernel._space;
            Sums sums = new(input[0]);
            const int Piece = 512;
            for (int start = 0; start < kernel._space; start += Piece)
            {
                int length = Math.Min(Piece, kernel._space - start);
                float shift = input[start];
                Vector<float> sum = default;
                Vector<float> square = default;
                Vector<float> center = new(shift);
                int i = 0;
                for (; i + Vector<float>.Count <= length; i += Vector<float>.Count)
                {
                    Vector<float> d = Vector.Load(input + start + i) - center;
                    sum += d;
                    square = Vector.FusedMultiplyAdd(d, d, square);
                }

                double total = Vector.Sum(sum);
                double totalOfSquares = Vector.Sum(square);
                for (; i < length; i++)
                {
                    float d = input[start + i] - shift;
                    total += d;
                    totalOfSquares += d * d;
                }

                sums.Add(length, shift + total / length, Math.Max(0, totalOfSquares - total * total / length));
            }

            double* partial = (double*)kernel.Partial + (long)index * 2;
            (partial[0], partial[1]) = sums.Result;
        }
    }

    private sealed class Output(GroupNormalizationKernel<TFunction> kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            int channels = kernel._channels;
            if (!kernel._channelsLast)
            {
                (int image, int channel) = Math.DivRem(index, channels);
                float* own = kernel.Coefficients + (long)image * CoefficientCount * channels + channel;
                long offset = (long)index * kernel._space;
                Row((float*)kernel._context!.Input(0) + offset, (float*)kernel._context.Output(0) + offset, kernel._space, new(own[0]), new(own[channels]), new(own[2 * channels]));
                return;
            }

            (int n, int piece) = Math.DivRem(index, kernel._pieces);
            int first = piece * RowsPerPiece;
            int rows = Math.Min(RowsPerPiece, kernel._space - first);
            long start = (long)n * kernel._space + first;
            (RowFormat data, RowFormat results) = (kernel._types.Data, kernel._types.Results);
            byte* input = kernel._context!.Input(0) + start * data.Bytes(channels);
            byte* output = kernel._context.Output(0) + start * results.Bytes(channels);
            float* coefficients = kernel.Coefficients + (long)n * CoefficientCount * channels;
            if (data.IsSingle && results.IsSingle)
            {
                Rows((float*)input, (float*)output, rows, channels, coefficients);
                return;
            }

            int slot = kernel._slots.Acquire();
            try
            {
                float* exact = kernel.Piece(slot);
                float* source = (float*)input;
                if (!data.IsSingle)
                {
                    data.ExpandRows(input, exact, rows, channels);
                    source = exact;
                }

                Rows(source, results.IsSingle ? (float*)output : exact, rows, channels, coefficients);
                if (!results.IsSingle)
                {
                    results.RoundRows(exact, output, rows, channels, results.Bytes(channels));
                }
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        // Like all loops here, compiled for speed before the first call: a plan may run only a few times.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Rows(float* input, float* output, int rows, int channels, float* centers)
        {
            int width = Vector<float>.Count;
            float* factors = centers + channels;
            float* summands = factors + channels;
            for (int row = 0; row < rows; row++, input += channels, output += channels)
            {
                int c = 0;
                for (; c + 2 * width <= channels; c += 2 * width)
                {
                    Vector<float> x0 = Vector.FusedMultiplyAdd(Vector.Load(input + c) - Vector.Load(centers + c), Vector.Load(factors + c), Vector.Load(summands + c));
                    Vector<float> x1 = Vector.FusedMultiplyAdd(Vector.Load(input + c + width) - Vector.Load(centers + c + width), Vector.Load(factors + c + width), Vector.Load(summands + c + width));
                    TFunction.Invoke(x0).Store(output + c);
                    TFunction.Invoke(x1).Store(output + c + width);
                }

                for (; c + width <= channels; c += width)
                {
                    TFunction.Invoke(Vector.FusedMultiplyAdd(Vector.Load(input + c) - Vector.Load(centers + c), Vector.Load(factors + c), Vector.Load(summands + c))).Store(output + c);
                }

                if (c < channels)
                {
                    int count = channels - c;
                    Store(TFunction.Invoke(Vector.FusedMultiplyAdd(Load(input + c, count) - Load(centers + c, count), Load(factors + c, count), Load(summands + c, count))), output + c, count);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Row(float* input, float* output, int length, Vector<float> center, Vector<float> factor, Vector<float> summand)
        {
            int i = 0;
            for (; i + Vector<float>.Count <= length; i += Vector<float>.Count)
            {
                TFunction.Invoke(Vector.FusedMultiplyAdd(Vector.Load(input + i) - center, factor, summand)).Store(output + i);
            }

            if (i < length)
            {
                Store(TFunction.Invoke(Vector.FusedMultiplyAdd(Load(input + i, length - i) - center, factor, summand)), output + i, length - i);
            }
        }

        // Fewer elements than a vector has.
        private static Vector<float> Load(float* source, int count)
        {
            float* lanes = stackalloc float[Vector<float>.Count];
            for (int i = 0; i < count; i++)
            {
                lanes[i] = source[i];
            }

            return Vector.Load(lanes);
        }

        private static void Store(Vector<float> values, float* target, int count)
        {
            for (int i = 0; i < count; i++)
            {
                target[i] = values[i];
            }
        }
    }
}
