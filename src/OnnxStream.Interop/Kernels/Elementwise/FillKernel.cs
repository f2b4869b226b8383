using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Sets all elements of the output to one value.</summary>
internal sealed unsafe class FillKernel(long elementCount, byte[] value) : RowKernel(elementCount, value.Length, CopiedBytes)
{
    /// <inheritdoc/>
    public override string Name => "fill";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        fixed (byte* element = value)
        {
            Fill(context.Output(0) + first * value.Length, end - first, element, value.Length);
        }
    }

    /// <summary>Repeats an element of 1, 2, 4 or 8 bytes.</summary>
    /// <param name="destination">The first of the copies.</param>
    /// <param name="count">The number of copies.</param>
    /// <param name="element">The element.</param>
    /// <param name="elementSize">Its size.</param>
    public static void Fill(byte* destination, long count, byte* element, int elementSize)
    {
        switch (elementSize)
        {
            case 1:
                Fill(destination, count, *element);
                break;
            case 2:
                Fill((short*)destination, count, *(short*)element);
                break;
            case 4:
                Fill((int*)destination, count, *(int*)element);
                break;
            default:
                Fill((long*)destination, count, *(long*)element);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fill<T>(T* destination, long count, T value)
        where T : unmanaged
    {
        // Less than a call would take: the edges of padded rows.
        const int Few = 8;
        const int Longest = 1 << 30;
        if (count <= Few)
        {
            for (int i = 0; i < (int)count; i++)
            {
                destination[i] = value;
            }

            return;
        }

        for (; count > Longest; count -= Longest, destination += Longest)
        {
            new Span<T>(destination, Longest).Fill(value);
        }

        new Span<T>(destination, (int)count).Fill(value);
    }
}
