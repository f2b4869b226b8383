using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels.Managed;

namespace OnnxStream.Interop.Weights;

/// <summary>Copies weights from file to file in pieces, so that none is ever in memory as a whole.</summary>
internal static unsafe class WeightCopier
{
    private const int PieceElements = 256 << 10;

    /// <summary>Appends the elements of <paramref name="constant"/> to <paramref name="destination"/>.</summary>
    /// <param name="constant">A constant in a file.</param>
    /// <param name="type">Its stored type, to copy as it is, or <see cref="ElementType.Float32"/>.</param>
    /// <param name="destination">Where the elements go.</param>
    public static void Copy(Constant constant, ElementType type, Stream destination)
    {
        WeightRange location = constant.Location!.Value;
        int size = constant.StoredType.SizeOf();
        byte[] stored = new byte[PieceElements * size];
        float[] converted = type == constant.StoredType ? [] : new float[PieceElements];
        for (long done = 0; done < location.Length; done += stored.Length)
        {
            int length = (int)Math.Min(stored.Length, location.Length - done);
            WeightFile.Read(location.Slice(done, length), stored.AsSpan(0, length));
            if (type == constant.StoredType)
            {
                destination.Write(stored, 0, length);
                continue;
            }

            Span<float> piece = converted.AsSpan(0, length / size);
            fixed (byte* source = stored)
            {
                ConvertWeight.ToFloat32(constant, source, piece);
            }

            destination.Write(MemoryMarshal.AsBytes(piece));
        }
    }
}
