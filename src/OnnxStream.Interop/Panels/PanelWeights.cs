using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>How a weight lies in its file.</summary>
internal enum PanelLayout
{
    /// <summary>[output, input], or [output, space, input] of a channels-last weight: a panel is one run of bytes, in the order that kernels want.</summary>
    OutputMajor,

    /// <summary>[input, output]: a panel is a column of the matrix.</summary>
    InputMajor,

    /// <summary>[output, input, space]: a panel is one run of bytes; kernels want [output, space, input].</summary>
    OutputInputSpace,
}

/// <summary>A weight that is used panel by panel: groups of output channels.</summary>
internal sealed unsafe class PanelWeights
{
    private const long SmallBytes = 10 << 20;

    private readonly Constant? _constant;
    private readonly PanelLayout _layout;
    private readonly int _inputs;
    private readonly int _space;

    /// <summary>Describes a weight.</summary>
    /// <param name="constant">The constant; null for a single-precision tensor that is computed at run time.</param>
    /// <param name="layout">How it lies.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="inputs">The number of input channels (of one group).</param>
    /// <param name="space">The number of kernel positions; 1 for matrices.</param>
    public PanelWeights(Constant? constant, PanelLayout layout, int outputs, int inputs, int space = 1)
    {
        if (constant?.IsChannelsLast == true && layout != PanelLayout.OutputMajor)
        {
            throw new ArgumentException("A channels-last weight has the panels of a convolution only.", nameof(layout));
        }

        _constant = constant;
        _layout = layout == PanelLayout.OutputInputSpace && (space == 1 || inputs == 1) ? PanelLayout.OutputMajor : layout;
        Outputs = outputs;
        _inputs = inputs;
        _space = space;
    }

    /// <summary>The number of output channels.</summary>
    public int Outputs { get; }

    /// <summary>The bias, where it is constant: packed panels contain it.</summary>
    public Constant? Bias { get; init; }

    /// <summary>Whether the columns of an <see cref="PanelLayout.InputMajor"/> weight are two halves of which a panel holds the same part each.</summary>
    public bool IsGated { get; init; }

    /// <summary>The output channels of each of several matrices that lie behind each other, of which no panel may hold two; 0 for one matrix.</summary>
    public int MatrixOutputs { get; init; }

    /// <summary>The name of the weight in its model; null if it is not constant.</summary>
    public string? Name => _constant?.Location?.Name;

    /// <summary>What distinguishes this weight from others, its shape included; null if it is not constant.</summary>
    public string? Identity => _constant is { Location: not null } ? $"{Describe(_constant)}:{_layout}:{Outputs}x{_inputs}x{_space}:{(IsGated ? "gated:" : "")}{Integers?.Identity}{(Bias is null ? "" : Describe(Bias))}" : null;

    /// <summary>Where the weight is 8-bit integers that are packed as they are: what they stand for. Null where its numbers are packed as single precision.</summary>
    public GivenIntegers? Integers { get; init; }

    /// <summary>Numbers for each output channel.</summary>
    public long PerOutput => (long)_inputs * _space;

    /// <summary>Whether the weight stays in its file until it is needed; otherwise its address is given at run time.</summary>
    public bool IsStreamed => _constant?.Location is not null;

    /// <summary>Whether the rows of an <see cref="PanelLayout.InputMajor"/> weight are copied from where they lie instead of bringing in the whole weight for each panel.</summary>
    public bool ReadsParts { get; init; }

    /// <summary>Decides where the panels come from.</summary>
    public PanelSources Sources { get; init; } = new();

    /// <summary>How the panels are packed and stored.</summary>
    /// <remarks>Integers of the file are packed as they are. What is computed at run time is packed in every run: that is quickest in the format that it is in.</remarks>
    public PanelFormat Format => Integers is not null ? PanelFormats.Int8 : Name is null ? PanelFormats.Default : Sources.Formats.For(Name, Outputs, _inputs, _space);

    /// <summary>Whether panels are packed when they are used; otherwise a store has them.</summary>
    public bool IsPackedInRuns => !Sources.UsesStore;

    /// <summary>The weight, if parts of it are read. A small one is brought in whole: that is quicker than thousands of reads.</summary>
    public WeightRange? PartlyRead => ReadsParts && !HasPanelRanges && _constant?.Location is { Length: > SmallBytes } location ? location : null;

    /// <summary>Whether panels come out as [input, output], so that XNNPACK has to transpose them while packing.</summary>
    public bool IsInputMajor => _layout == PanelLayout.InputMajor;

    /// <summary>Whether each panel is a range of its own in the file; otherwise all of the weight is needed for any.</summary>
    public bool HasPanelRanges => _layout != PanelLayout.InputMajor;

    /// <summary>The quantization of the weight in its file; null where numbers stand for themselves.</summary>
    public WeightQuantization? Quantization => _constant?.Quantization;

    private bool IsStoredAsFloat32 => _constant is null || _constant.StoredType == ElementType.Float32;

    /// <summary>The ranges that a kernel with panels of <paramref name="panelOutputs"/> channels streams.</summary>
    public WeightRange[] Ranges(int panelOutputs)
    {
        if (_constant?.Location is not { } location)
        {
            return [];
        }

        if (!HasPanelRanges)
        {
            return PartlyRead is null ? [location] : [];
        }

        List<WeightRange> ranges = [];
        for (int first = 0; first < Outputs; first += panelOutputs)
        {
            long count = Math.Min(panelOutputs, Outputs - first);
            ranges.Add(location.Slice(StoredBytes(first), StoredBytes((int)count)));
        }

        return [.. ranges];
    }

    /// <summary>Bytes of scratch memory that <see cref="Gather"/> needs for a panel.</summary>
    public long GatherBytes(int panelOutputs) =>
        _layout == PanelLayout.OutputMajor && IsStoredAsFloat32 ? 0 :
        panelOutputs * PerOutput * sizeof(float) + (_layout == PanelLayout.OutputInputSpace && !IsStoredAsFloat32 ? PerOutput * sizeof(float) : 0) + FactorBytes(panelOutputs);

    /// <summary>The stored bytes of some output channels of a weight that has <see cref="HasPanelRanges"/>.</summary>
    public long StoredBytes(int outputs) => ElementBytes(outputs * PerOutput);

    /// <summary>Reads the stored bytes of some output channels past the schedule of the run, where that is rare. Callable from any thread.</summary>
    /// <param name="first">The first output channel.</param>
    /// <param name="count">The number of output channels.</param>
    /// <param name="destination">Receives <see cref="StoredBytes"/>: what <see cref="Gather"/> takes.</param>
    /// <exception cref="WeightsException">They cannot be read.</exception>
    public void ReadStored(int first, int count, byte* destination) =>
        _constant!.Read(StoredBytes(first), new Span<byte>(destination, checked((int)StoredBytes(count))));

    /// <summary>The numbers of a panel as single-precision [output, space, input], or [input, output] if <see cref="IsInputMajor"/>.</summary>
    /// <param name="source">The panel's first stored byte if <see cref="HasPanelRanges"/>, else the weight's.</param>
    /// <param name="first">The panel's first output channel.</param>
    /// <param name="count">Its number of output channels.</param>
    /// <param name="scratch">Memory of <see cref="GatherBytes"/>.</param>
    /// <param name="reader">Reads a weight that is <see cref="PartlyRead"/>; its <paramref name="source"/> is null.</param>
    public float* Gather(byte* source, int first, int count, float* scratch, WeightReader? reader = null)
    {
        switch (_layout)
        {
            case PanelLayout.OutputMajor when IsStoredAsFloat32:
                return (float*)source;
            case PanelLayout.OutputMajor:
                float* factors = scratch + count * PerOutput;
                ConvertRun(source, first * PerOutput, new Span<float>(scratch, checked((int)(count * PerOutput))), factors);
                return scratch;
            case PanelLayout.InputMajor when IsGated:
                int half = count / 2;
                TakeColumns(source, first / 2, half, reader, scratch, count, scratch + count * PerOutput);
                TakeColumns(source, Outputs / 2 + first / 2, half, reader, scratch + half, count, scratch + count * PerOutput);
                return scratch;
            case PanelLayout.InputMajor:
                TakeColumns(source, first, count, reader, scratch, count, scratch + count * PerOutput);
                return scratch;
            default:
                float* converted = scratch + count * PerOutput;
                for (int channel = 0; channel < count; channel++)
                {
                    byte* stored = source + StoredBytes(channel);
                    if (!IsStoredAsFloat32)
                    {
                        ConvertRun(stored, (first + channel) * PerOutput, new Span<float>(converted, (int)PerOutput), converted + PerOutput);
                        stored = (byte*)converted;
                    }

                    Transpose((float*)stored, scratch + channel * PerOutput);
                }

                return scratch;
        }
    }

    /// <summary>The integers of a panel as [output, space, input]. Those without a sign get one: 128 is taken away from them.</summary>
    /// <param name="source">The panel's first stored byte if <see cref="HasPanelRanges"/>, else the weight's.</param>
    /// <param name="first">The panel's first output channel.</param>
    /// <param name="count">Its number of output channels.</param>
    /// <param name="destination">Receives <see cref="PerOutput"/> integers for each channel.</param>
    /// <param name="reader">Reads a weight that is <see cref="PartlyRead"/>; its <paramref name="source"/> is null.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void GatherIntegers(byte* source, int first, int count, byte* destination, WeightReader? reader = null)
    {
        long length = count * PerOutput;
        switch (_layout)
        {
            case PanelLayout.OutputMajor:
                Buffer.MemoryCopy(source, destination, length, length);
                break;
            case PanelLayout.InputMajor:
                GatherColumns(source, first, count, destination, reader);
                break;
            default:
                for (int channel = 0; channel < count; channel++)
                {
                    byte* stored = source + channel * PerOutput;
                    byte* target = destination + channel * PerOutput;
                    for (int position = 0; position < _space; position++)
                    {
                        for (int input = 0; input < _inputs; input++)
                        {
                            *target++ = stored[(long)input * _space + position];
                        }
                    }
                }

                break;
        }

        if (Integers!.IsUnsigned)
        {
            QuantizedRows.FlipSigns(destination, destination, length);
        }
    }

    // [input, output] to [output, input], some rows at a time, so that they are in a cache while their columns are written.
    private void GatherColumns(byte* source, int first, int count, byte* destination, WeightReader? reader)
    {
        const int Rows = 16;
        byte[]? copied = reader is null ? null : new byte[Rows * count];
        fixed (byte* copy = copied)
        {
            for (int start = 0; start < _inputs; start += Rows)
            {
                int rows = Math.Min(Rows, _inputs - start);
                byte* from = source + (long)start * Outputs + first;
                long stride = Outputs;
                if (reader is not null)
                {
                    for (int row = 0; row < rows; row++)
                    {
                        reader((long)(start + row) * Outputs + first, new Span<byte>(copy + row * count, count));
                    }

                    from = copy;
                    stride = count;
                }

                for (int column = 0; column < count; column++)
                {
                    byte* target = destination + (long)column * _inputs + start;
                    for (int row = 0; row < rows; row++)
                    {
                        target[row] = from[row * stride + column];
                    }
                }
            }
        }
    }

    /// <summary>The biases of a panel.</summary>
    /// <param name="bias">The biases of all output channels, or null.</param>
    /// <param name="first">The panel's first output channel.</param>
    /// <param name="count">Its number of output channels.</param>
    /// <param name="scratch">Memory for that many numbers, if the weight <see cref="IsGated"/>.</param>
    public float* GatherBias(float* bias, int first, int count, float* scratch)
    {
        if (bias is null || !IsGated)
        {
            return bias is null ? null : bias + first;
        }

        new ReadOnlySpan<float>(bias + first / 2, count / 2).CopyTo(new Span<float>(scratch, count / 2));
        new ReadOnlySpan<float>(bias + Outputs / 2 + first / 2, count / 2).CopyTo(new Span<float>(scratch + count / 2, count / 2));
        return scratch;
    }

    // [input, space] to [space, input]
    private void Transpose(float* source, float* destination) =>
        Abi.onnxstream_transpose((nuint)_inputs, (nuint)_space, source, (nuint)_space, destination, (nuint)_inputs);

    // Columns of an [input, output] weight, one row behind the other.
    private void TakeColumns(byte* source, int first, int count, WeightReader? reader, float* destination, int stride, float* factorMemory)
    {
        QuantizationFactors factors = Quantization is { } quantization ? FactorsOfColumns(quantization, first, count, factorMemory) : default;
        for (long row = 0; row < _inputs; row++)
        {
            Span<float> numbers = new(destination + row * stride, count);
            Take(source, row * Outputs + first, reader, numbers);
            if (Quantization is { IsOfAll: false })
            {
                factors.Apply(row, first, numbers);
            }
            else if (Quantization is not null)
            {
                factors.Apply(0, row * Outputs + first, numbers);
            }
        }
    }

    // One scale for all is described as one row.
    private QuantizationFactors FactorsOfColumns(WeightQuantization quantization, int first, int count, float* memory) =>
        quantization.IsOfAll ? new QuantizationFactors(quantization, 0, 1, 0, 1, memory) : new QuantizationFactors(quantization, 0, _inputs, first, count, memory);

    // Elements that lie behind each other, which are rows or parts of rows of the quantization.
    private void ConvertRun(byte* source, long first, Span<float> destination, float* factorMemory)
    {
        if (Quantization is not { } quantization)
        {
            WeightElements.Numbers(_constant!, source, destination);
            return;
        }

        WeightElements.Numbers(_constant!, source, destination);
        long length = quantization.RowLength;
        long firstRow = first / length;
        long column = first % length;
        bool isWithinRow = column + destination.Length <= length;
        QuantizationFactors factors = isWithinRow
            ? new QuantizationFactors(quantization, firstRow, 1, column, destination.Length, factorMemory)
            : new QuantizationFactors(quantization, firstRow, (first + destination.Length + length - 1) / length - firstRow, 0, length, factorMemory);
        for (long row = firstRow; destination.Length > 0; row++)
        {
            int count = (int)Math.Min(destination.Length, length - column);
            factors.Apply(row, column, destination[..count]);
            destination = destination[count..];
            column = 0;
        }
    }

    // The scales and zero points that a panel needs at once.
    private long FactorBytes(int panelOutputs)
    {
        if (Quantization is not { } quantization)
        {
            return 0;
        }

        if (quantization.IsOfAll)
        {
            return QuantizationFactors.Bytes(quantization, 1, 1);
        }

        if (_layout == PanelLayout.InputMajor)
        {
            return QuantizationFactors.Bytes(quantization, _inputs, panelOutputs);
        }

        long elements = _layout == PanelLayout.OutputMajor ? panelOutputs * PerOutput : PerOutput;
        return elements <= quantization.RowLength && quantization.RowLength % elements == 0
            ? QuantizationFactors.Bytes(quantization, 1, elements)
            : QuantizationFactors.Bytes(quantization, elements / quantization.RowLength + 2, quantization.RowLength);
    }

    private long ElementBytes(long elements) => _constant is null ? elements * sizeof(float) : WeightElements.StoredBytes(_constant, elements);

    private void Take(byte* source, long first, WeightReader? reader, Span<float> destination)
    {
        if (reader is null)
        {
            Convert(source + ElementBytes(first), destination);
        }
        else if (IsStoredAsFloat32)
        {
            reader(first * sizeof(float), MemoryMarshal.AsBytes(destination));
        }
        else
        {
            const int PieceElements = 1024;
            byte* piece = stackalloc byte[PieceElements * sizeof(float)];
            while (destination.Length > 0)
            {
                int count = Math.Min(PieceElements, destination.Length);
                reader(ElementBytes(first), new Span<byte>(piece, (int)ElementBytes(count)));
                Convert(piece, destination[..count]);
                destination = destination[count..];
                first += count;
            }
        }
    }

    private void Convert(byte* source, Span<float> destination)
    {
        if (_constant is null)
        {
            new ReadOnlySpan<float>(source, destination.Length).CopyTo(destination);
        }
        else
        {
            WeightElements.Numbers(_constant, source, destination);
        }
    }

    // The place of what is in a file, the content of what is in memory.
    private static string Describe(Constant constant) =>
        $"{(constant.Location is { } location ? $"{location.Source.Id}@{location.Offset}" : System.Convert.ToHexString(XxHash128.Hash(constant.Data!)))}:{constant.StoredType}{Describe(constant.Quantization)}";

    private static string Describe(WeightQuantization? quantization) => quantization is null ? "" :
        $"({Describe(quantization.Scales)}:{(quantization.ZeroPoints is { } zeroPoints ? Describe(zeroPoints) : "")}:{quantization.RowLength}:{quantization.RowBlock}x{quantization.ColumnBlock}:{quantization.ZeroPointStride})";
}
