using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>Lines of 8-bit data, written anew as integers with a sign, and lines of padding where there are none.</summary>
internal sealed unsafe class StripLines : IParallelBody
{
    private const long PieceBytes = 32 << 10;

    /// <summary>The first line of all data.</summary>
    public required byte* Data { get; init; }

    /// <summary>The bytes of a line.</summary>
    public required long LineBytes { get; init; }

    /// <summary>The first line of the strip: negative where padding comes first.</summary>
    public required long First { get; init; }

    /// <summary>How many lines of data there are. Those behind them are padding.</summary>
    public required long Height { get; init; }

    /// <summary>How many lines the strip has.</summary>
    public required long Count { get; init; }

    /// <summary>What padding is.</summary>
    public sbyte Padding { get; set; }

    /// <summary>Whether data have no sign: 128 is taken away from them.</summary>
    public bool IsUnsigned { get; set; }

    /// <summary>Which digit of the data is written; null for the data themselves.</summary>
    public DataDigit? Digit { get; set; }

    /// <summary>Receives the lines.</summary>
    public sbyte* Target { get; set; }

    private long PieceLines => Math.Max(1, PieceBytes / Math.Max(1, LineBytes));

    /// <summary>Writes them.</summary>
    /// <param name="workers">The threads; null for the calling one.</param>
    public void Run(WorkerPool? workers)
    {
        int pieces = checked((int)((Count + PieceLines - 1) / PieceLines));
        if (workers is not null && pieces > 1)
        {
            workers.Parallelize(this, pieces);
            return;
        }

        for (int i = 0; i < pieces; i++)
        {
            Execute(i);
        }
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long end = Math.Min(Count, (index + 1) * PieceLines);
        for (long line = index * PieceLines; line < end; line++)
        {
            Write(First + line, Target + line * LineBytes);
        }
    }

    private void Write(long line, sbyte* target)
    {
        byte* source = Data + line * LineBytes;
        if (line < 0 || line >= Height)
        {
            new Span<sbyte>(target, checked((int)LineBytes)).Fill(Padding);
        }
        else if (Digit is { } digit)
        {
            digit.Take(source, IsUnsigned, target, LineBytes);
        }
        else if (IsUnsigned)
        {
            QuantizedRows.FlipSigns(source, (byte*)target, LineBytes);
        }
        else
        {
            Buffer.MemoryCopy(source, target, LineBytes, LineBytes);
        }
    }
}
