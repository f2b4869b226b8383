using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Gives the parts of a kernel's scratch memory their places, one behind the other.</summary>
/// <param name="start">Where the first part begins: 0, or the <see cref="Bytes"/> of what lies before.</param>
/// <remarks>Parts that are not needed at the same time are places of two layouts with the same start.</remarks>
internal sealed class ScratchLayout(long start = 0)
{
    /// <summary>Where the next part begins, in bytes; all that the parts take, if the layout starts at 0.</summary>
    public long Bytes { get; private set; } = start;

    /// <summary>Places a part.</summary>
    /// <param name="bytes">What it takes. 0 for none: nothing is placed then.</param>
    /// <param name="count">How many there are of it, one for each worker.</param>
    public ScratchPart Add(long bytes, int count = 1)
    {
        ScratchPart part = new(Bytes, CountedMemory.Align(bytes));
        Bytes += part.Length * count;
        return part;
    }
}
