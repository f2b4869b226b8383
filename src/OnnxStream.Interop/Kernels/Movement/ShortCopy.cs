using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies blocks that are often too short for a call to be worth while.</summary>
internal static unsafe class ShortCopy
{
    private const long Longest = 256;

    /// <summary>Copies bytes that do not overlap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(byte* source, byte* destination, long bytes)
    {
        if (bytes > Longest)
        {
            Buffer.MemoryCopy(source, destination, bytes, bytes);
            return;
        }

        if (bytes >= Vector128<byte>.Count)
        {
            // The last vector overlaps the one before.
            long last = bytes - Vector128<byte>.Count;
            for (long i = 0; i < last; i += Vector128<byte>.Count)
            {
                Vector128.Load(source + i).Store(destination + i);
            }

            Vector128.Load(source + last).Store(destination + last);
        }
        else if (bytes >= sizeof(long))
        {
            long end = *(long*)(source + bytes - sizeof(long));
            *(long*)destination = *(long*)source;
            *(long*)(destination + bytes - sizeof(long)) = end;
        }
        else if (bytes >= sizeof(int))
        {
            int end = *(int*)(source + bytes - sizeof(int));
            *(int*)destination = *(int*)source;
            *(int*)(destination + bytes - sizeof(int)) = end;
        }
        else
        {
            for (long i = 0; i < bytes; i++)
            {
                destination[i] = source[i];
            }
        }
    }

    /// <summary>The most bytes of a block of <see cref="CopyEach"/>.</summary>
    public const long LongestEach = 64;

    /// <summary>Copies short blocks that lie at equal distances.</summary>
    /// <param name="source">The first byte of the first block.</param>
    /// <param name="sourceStride">Bytes from one block to the next.</param>
    /// <param name="destination">Receives the first block.</param>
    /// <param name="destinationStride">Bytes from one block to the next.</param>
    /// <param name="bytes">The length of a block.</param>
    /// <param name="count">The number of blocks.</param>
    public static void CopyEach(byte* source, long sourceStride, byte* destination, long destinationStride, long bytes, long count)
    {
        switch (bytes)
        {
            case 1:
                CopyEach<byte>(source, sourceStride, destination, destinationStride, 0, count);
                break;
            case 2 or 3:
                CopyEach<ushort>(source, sourceStride, destination, destinationStride, bytes - sizeof(ushort), count);
                break;
            case >= 4 and <= 8:
                CopyEach<uint>(source, sourceStride, destination, destinationStride, bytes - sizeof(uint), count);
                break;
            case > 8 and <= 16:
                CopyEach<ulong>(source, sourceStride, destination, destinationStride, bytes - sizeof(ulong), count);
                break;
            case > 16 and <= 32:
                CopyEach<Vector128<byte>>(source, sourceStride, destination, destinationStride, bytes - Vector128<byte>.Count, count);
                break;
            case > 32 and <= 64:
                CopyEach<Vector256<byte>>(source, sourceStride, destination, destinationStride, bytes - Vector256<byte>.Count, count);
                break;
            default:
                for (long i = 0; i < count; i++)
                {
                    Copy(source + i * sourceStride, destination + i * destinationStride, bytes);
                }

                break;
        }
    }

    // The first and the last bytes of a block, which may overlap.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyEach<T>(byte* source, long sourceStride, byte* destination, long destinationStride, long last, long count)
        where T : unmanaged
    {
        for (long i = 0; i < count; i++, source += sourceStride, destination += destinationStride)
        {
            T begin = Unsafe.ReadUnaligned<T>(source);
            T end = Unsafe.ReadUnaligned<T>(source + last);
            Unsafe.WriteUnaligned(destination, begin);
            Unsafe.WriteUnaligned(destination + last, end);
        }
    }
}
