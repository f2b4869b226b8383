using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>How a cache of keys or values lies in memory: the rows of a head behind each other, heads at distances of the capacity.</summary>
/// <param name="Heads">Batch times heads.</param>
/// <param name="Rows">The rows of a head that are there.</param>
/// <param name="Size">The numbers of a row.</param>
/// <param name="Capacity">The rows of a head that there is room for.</param>
/// <param name="Stored">The type of elements in which a row is stored.</param>
internal readonly record struct CacheGeometry(int Heads, int Rows, int Size, long Capacity, ElementType Stored)
{
    /// <summary>That of a tensor [B,G,S,D].</summary>
    public CacheGeometry(Shape shape, long capacity, ElementType stored)
        : this(checked((int)(shape[0] * shape[1])), checked((int)shape[2]), checked((int)shape[3]), capacity, stored)
    {
    }

    /// <summary>How the numbers of a row lie.</summary>
    public RowFormat Format => RowFormat.Of(Stored);

    /// <summary>The bytes of a row.</summary>
    public long RowBytes => Format.Bytes(Size);

    /// <summary>The first byte of a row of a head, from the start of the cache.</summary>
    public long Row(int head, int row) => (head * Capacity + row) * RowBytes;
}
