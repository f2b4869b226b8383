namespace OnnxStream.Interop.Tensors;

/// <summary>How rows of numbers lie in memory between operators that compute in single precision.</summary>
/// <remarks>
/// One file for each format, and a line in <see cref="Of"/>. A row is the last dimension of a tensor; rows lie behind each other. Kernels expand a row or
/// a tile of rows when they read it, and round it when they write it, while it is in the cache. Formats have no state: one instance serves all threads.
/// </remarks>
internal abstract unsafe class RowFormat
{
    /// <summary>The type of elements that lie in a tensor of a plan.</summary>
    public abstract ElementType ElementType { get; }

    /// <summary>What marks tensors of the format in reports, such as <c>:f16</c>; nothing for single precision.</summary>
    public virtual string Mark => "";

    /// <summary>Whether rows are numbers of single precision, which are used where they lie.</summary>
    public virtual bool IsSingle => false;

    /// <summary>The elements that share something and can only be written together: parts of a row that begin at a multiple of it can be read and written on their own.</summary>
    public virtual int Together => 1;

    /// <summary>The format of a type of elements. Types that are no storage of rows are taken as single precision, which nobody asks for.</summary>
    public static RowFormat Of(ElementType type) => type switch
    {
        ElementType.Float16 => HalfRows.Instance,
        ElementTypes.Blocks => BlockRows.Instance,
        _ => SingleRows.Instance,
    };

    /// <summary>The format that somebody asks for by an element type; null for none.</summary>
    /// <param name="type"><see cref="ElementType.Float32"/>, <see cref="ElementType.Float16"/>, or <see cref="ElementType.Int8"/> for blocks of that.</param>
    public static RowFormat? Asked(ElementType type) => type switch
    {
        ElementType.Float32 => SingleRows.Instance,
        ElementType.Float16 => HalfRows.Instance,
        ElementType.Int8 => BlockRows.Instance,
        _ => null,
    };

    /// <summary>The bytes of the first elements of a row: of all of them, or up to where a part begins (a multiple of <see cref="Together"/>).</summary>
    public abstract long Bytes(long elements);

    /// <summary>Expands elements to single precision.</summary>
    /// <param name="source">The first byte of a row, or of a part of it.</param>
    /// <param name="destination">Receives the numbers.</param>
    /// <param name="count">How many.</param>
    public abstract void Expand(byte* source, float* destination, int count);

    /// <summary>Rounds numbers to the nearest that the format has.</summary>
    /// <param name="source">The numbers.</param>
    /// <param name="destination">Receives a row, or a part of it.</param>
    /// <param name="count">How many.</param>
    public abstract void Round(float* source, byte* destination, int count);

    /// <summary>The bits of the largest magnitude in a row, as a number of single precision, or of one a little larger. Bits have the order of magnitudes; those of infinity and more stand for infinities and NaN.</summary>
    public abstract int Magnitude(byte* row, int count);

    /// <summary>Expands rows that lie behind each other.</summary>
    public void ExpandRows(byte* source, float* destination, long rows, int columns)
    {
        if (Together == 1)
        {
            Expand(source, destination, checked((int)(rows * columns)));
            return;
        }

        long stride = Bytes(columns);
        for (long row = 0; row < rows; row++)
        {
            Expand(source + row * stride, destination + row * columns, columns);
        }
    }

    /// <summary>Rounds rows.</summary>
    /// <param name="source">The numbers of the rows, behind each other.</param>
    /// <param name="destination">Receives the first row, or the first part of it.</param>
    /// <param name="rows">How many.</param>
    /// <param name="columns">The numbers of each.</param>
    /// <param name="stride">Bytes from the start of a row to that of the next.</param>
    public void RoundRows(float* source, byte* destination, long rows, int columns, long stride)
    {
        if (Together == 1 && stride == Bytes(columns))
        {
            Round(source, destination, checked((int)(rows * columns)));
            return;
        }

        for (long row = 0; row < rows; row++)
        {
            Round(source + row * columns, destination + row * stride, columns);
        }
    }
}
