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
}
