namespace OnnxStream.Interop.Kernels;

/// <summary>How a cache of keys or values lies in memory: the rows of a head behind each other, heads at distances of the capacity.</summary>
/// <param name="Heads">Batch times heads.</param>
/// <param name="Rows">The rows of a head that are there.</param>
/// <param name="Size">The numbers of a row.</param>
/// <param name="Capacity">The rows of a head that there is room for.</param>
internal readonly record struct CacheGeometry(int Heads, int Rows, int Size, long Capacity)
{
    /// <summary>That of a tensor [B,G,S,D].</summary>
    public CacheGeometry(Shape shape, long capacity)
        : this(checked((int)(shape[0] * shape[1])), checked((int)shape[2]), checked((int)shape[3]), capacity)
    {
    }

    /// <summary>The first element of a head, from the start of the cache.</summary>
    public long Head(int head) => head * Capacity * Size;
}
