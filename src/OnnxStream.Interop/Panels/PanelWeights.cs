using System.IO.Hashing;
using System.Runtime.InteropServices;
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

    /// <summary>What distinguishes this weight from others, its shape included; null if it is not constant.</summary>
    public string? Identity => _constant is { Location: not null } ? $"{Describe(_constant)}:{_layout}:{Outputs}x{_inputs}x{_space}:{(IsGated ? "gated:" : "")}{(Bias is null ? "" : Describe(Bias))}" : null;

    /// <summary>Numbers for each output channel.</summary>
    public long PerOutput => (long)_inputs * _space;

    /// <summary>Whether the weight stays in its file until it is needed; otherwise its address is given at run time.</summary>
    public bool IsStreamed => _constant?.Location is not null;

    /// <summary>Whether the rows of an <see cref="PanelLayout.InputMajor"/> weight are copied from where they lie instead of bringing in the whole weight for each panel.</summary>
    public bool ReadsParts { get; init; }

    /// <summary>Decides where the panels come from.</summary>
    public PanelSources Sources { get; init; } = new();

    /// <summary>How the panels are packed and stored.</summary>
    public PanelFormat Format
    {
        get
        {
            // What is computed at run time is packed in every run: that is quickest in the format that it is in.
            PanelFormat format = Identity is null ? PanelFormats.Default : Sources.Format;
            while (!format.Takes(Outputs, _inputs, _space))
            {
                format = format.Substitute;
            }

            return format;
        }
    }

    /// <summary>Whether panels are packed when they are used; otherwise a store has them.</summary>
    public bool IsPackedInRuns => !Sources.UsesStore;

    /// <summary>The weight, if parts of it are read. A small one is brought in whole: that is quicker than thousands of reads.</summary>
    public WeightRange? PartlyRead => ReadsParts && !HasPanelRanges && _constant?.Location is { Length: > SmallBytes } location ? location : null;

    /// <summary>Whether panels come out as [input, output], so that XNNPACK has to transpose them while packing.</summary>
    public bool IsInputMajor => _layout == PanelLayout.InputMajor;

    /// <summary>Whether each panel is a range of its own in the file; otherwise all of the weight is needed for any.</summary>
    public bool HasPanelRanges => _layout != PanelLayout.InputMajor;

    /// <summary>The bytes of one stored element.</summary>
    private int StoredSize => (_constant?.StoredType ?? ElementType.Float32).SizeOf();

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
            ranges.Add(location.Slice(first * PerOutput * StoredSize, count * PerOutput * StoredSize));
        }

        return [.. ranges];
    }

    /// <summary>Bytes of scratch memory that <see cref="Gather"/> needs for a panel.</summary>
    public long GatherBytes(int panelOutputs) =>
        _layout == PanelLayout.OutputMajor && IsStoredAsFloat32 ? 0 :
        panelOutputs * PerOutput * sizeof(float) + (_layout == PanelLayout.OutputInputSpace && !IsStoredAsFloat32 ? PerOutput * sizeof(float) : 0);

    /// <summary>The stored bytes of some output channels of a weight that has <see cref="HasPanelRanges"/>.</summary>
    public long StoredBytes(int outputs) => outputs * PerOutput * StoredSize;

    /// <summary>Reads the stored bytes of some output channels past the schedule of the run, where that is rare. Callable from any thread.</summary>
    /// <param name="first">The first output channel.</param>
    /// <param name="count">The number of output channels.</param>
    /// <param name="destination">Receives <see cref="StoredBytes"/>: what <see cref="Gather"/> takes.</param>
    /// <exception cref="WeightsException">They cannot be read.</exception>
    public void ReadStored(int first, int count, byte* destination) =>
        _constant!.Read(first * PerOutput * StoredSize, new Span<byte>(destination, checked((int)StoredBytes(count))));

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
                Convert(source, new Span<float>(scratch, checked((int)(count * PerOutput))));
                return scratch;
            case PanelLayout.InputMajor when IsGated:
                int half = count / 2;
                for (int row = 0; row < _inputs; row++)
                {
                    Take(source, (long)row * Outputs + first / 2, reader, new Span<float>(scratch + (long)row * count, half));
                    Take(source, (long)row * Outputs + Outputs / 2 + first / 2, reader, new Span<float>(scratch + (long)row * count + half, half));
                }

                return scratch;
            case PanelLayout.InputMajor:
                for (int row = 0; row < _inputs; row++)
                {
                    Take(source, (long)row * Outputs + first, reader, new Span<float>(scratch + (long)row * count, count));
                }

                return scratch;
            default:
                float* converted = scratch + count * PerOutput;
                for (int channel = 0; channel < count; channel++)
                {
                    byte* stored = source + channel * PerOutput * StoredSize;
                    if (!IsStoredAsFloat32)
                    {
                        Convert(stored, new Span<float>(converted, (int)PerOutput));
                        stored = (byte*)converted;
                    }

                    Transpose((float*)stored, scratch + channel * PerOutput);
                }

                return scratch;
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
    private void Transpose(float* source, float* destination)
    {
        for (int input = 0; input < _inputs; input++)
        {
            for (int position = 0; position < _space; position++)
            {
                destination[position * _inputs + input] = *source++;
            }
        }
    }

    private void Take(byte* source, long first, WeightReader? reader, Span<float> destination)
    {
        if (reader is null)
        {
            Convert(source + first * StoredSize, destination);
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
                reader(first * StoredSize, new Span<byte>(piece, count * StoredSize));
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
            WeightElements.ToFloat32(_constant, source, destination);
        }
    }

    // The place of what is in a file, the content of what is in memory.
    private static string Describe(Constant constant) =>
        $"{(constant.Location is { } location ? $"{location.Source.Id}@{location.Offset}" : System.Convert.ToHexString(XxHash128.Hash(constant.Data!)))}:{constant.StoredType}{constant.Quantization}";
}
