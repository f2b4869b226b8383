using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>A weight with something added, which lies nowhere: what is read of it is read of the original, and changed on the way.</summary>
internal sealed class MergedSource : WeightSource
{
    private readonly ModuleWeight _module;
    private readonly IReadOnlyList<(LoraModule Module, LoraAdapter Adapter)> _terms;
    private readonly WeightRange _original;
    private readonly int _elementBytes;
    private readonly int _rows;
    private readonly int _columns;

    /// <summary>Describes a weight.</summary>
    /// <param name="module">The original.</param>
    /// <param name="terms">What is added.</param>
    public MergedSource(ModuleWeight module, IReadOnlyList<(LoraModule Module, LoraAdapter Adapter)> terms)
        : base($"{module.Weight.Location.Source.Id}@{module.Weight.Location.Offset}{string.Concat(terms.Select(term => string.Create(CultureInfo.InvariantCulture, $"+{term.Adapter.Weight:R}*{term.Adapter.File.Path}")))}")
    {
        _module = module;
        _terms = terms;
        _original = module.Weight.Location;
        _elementBytes = module.Weight.ElementType.SizeOf();
        _rows = checked((int)module.Weight.Shape[0]);
        _columns = checked((int)(module.Weight.Shape.ElementCount / _rows));
        Files = string.Concat(terms.Select(term => $"+{term.Adapter.File.Version}"));
    }

    /// <inheritdoc/>
    public override long Length => _original.Length;

    /// <inheritdoc/>
    public override string Version => _original.Source.Version + Files;

    private string Files { get; }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        if (destination.Length == 0)
        {
            return;
        }

        // Whole elements, and no more at once than is convenient to hold beside what is asked for.
        const int Piece = 1 << 18;
        long first = offset / _elementBytes, end = (offset + destination.Length + _elementBytes - 1) / _elementBytes;
        for (long start = first; start < end; start += Piece)
        {
            int count = (int)Math.Min(Piece, end - start);
            byte[] bytes = new byte[count * _elementBytes];
            _original.Source.Read(_original.Offset + (start * _elementBytes), bytes);
            Change(start, count, bytes);
            long from = Math.Max(offset, start * _elementBytes), to = Math.Min(offset + destination.Length, (start + count) * _elementBytes);
            bytes.AsSpan((int)(from - (start * _elementBytes)), (int)(to - from)).CopyTo(destination[(int)(from - offset)..]);
        }
    }

    private void Change(long first, int count, byte[] bytes)
    {
        float[] numbers = new float[count];
        switch (_module.Weight.ElementType)
        {
            case ElementType.Float32:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(numbers);
                Add(first, numbers);
                MemoryMarshal.AsBytes<float>(numbers).CopyTo(bytes);
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), numbers);
                Add(first, numbers);
                TensorPrimitives.ConvertToHalf(numbers, MemoryMarshal.Cast<byte, Half>(bytes.AsSpan()));
                break;
            default:
                Span<ushort> upper = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan());
                for (int i = 0; i < count; i++)
                {
                    numbers[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                }

                Add(first, numbers);
                for (int i = 0; i < count; i++)
                {
                    // To the nearest, and to the even one of two.
                    uint bits = BitConverter.SingleToUInt32Bits(numbers[i]);
                    upper[i] = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
                }

                break;
        }
    }

    private void Add(long first, float[] numbers)
    {
        foreach ((LoraModule module, LoraAdapter adapter) in _terms)
        {
            WeightDelta delta = module.Read();
            float scale = module.Scale * adapter.Weight;
            if (!_module.IsOutputMajor)
            {
                AddTransposed(delta, scale, first, numbers);
                continue;
            }

            for (int done = 0; done < numbers.Length;)
            {
                int row = (int)((first + done) / _columns), column = (int)((first + done) % _columns);
                Span<float> part = numbers.AsSpan(done, Math.Min(_columns - column, numbers.Length - done));
                if (_module.Weight.IsChannelsLast)
                {
                    AddChannelsLast(delta, scale, row, column, part);
                }
                else
                {
                    delta.Add(scale, row, column, part);
                }

                done += part.Length;
            }
        }
    }

    // The weight lies as [inputs, outputs]: some rows of it are some columns of the delta.
    private void AddTransposed(WeightDelta delta, float scale, long first, float[] numbers)
    {
        int firstRow = (int)(first / _columns), lastRow = (int)((first + numbers.Length - 1) / _columns);
        bool isOneRow = firstRow == lastRow;
        int firstColumn = isOneRow ? (int)(first % _columns) : 0, endColumn = isOneRow ? (int)((first + numbers.Length - 1) % _columns) + 1 : _columns;
        float[] inputs = new float[lastRow - firstRow + 1];
        for (int output = firstColumn; output < endColumn; output++)
        {
            Array.Clear(inputs);
            delta.Add(scale, output, firstRow, inputs);
            for (int i = 0; i < inputs.Length; i++)
            {
                long at = ((long)(firstRow + i) * _columns) + output - first;
                if (at >= 0 && at < numbers.Length)
                {
                    numbers[at] += inputs[i];
                }
            }
        }
    }

    // The weight lies as [outputs, space…, inputs], the delta as [outputs, inputs, space…].
    private void AddChannelsLast(WeightDelta delta, float scale, int row, int column, Span<float> part)
    {
        float[] whole = new float[_columns];
        delta.Add(scale, row, 0, whole);
        int channels = checked((int)_module.Weight.Shape[1]), space = _columns / channels;
        for (int i = 0; i < part.Length; i++)
        {
            int at = column + i;
            part[i] += whole[(at % channels * space) + (at / channels)];
        }
    }
}
