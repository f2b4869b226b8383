using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>One block of memory for the weights that steps hold at once, beside those that are copied into <see cref="WeightBuffers"/>.</summary>
/// <remarks>
/// A block of its own, because memory that is taken from the system's allocator and given back many times a second, in sizes of
/// megabytes, does not stay small. Pieces are found by the first gap that is large enough: what one step takes it gives back, so there
/// are few at a time. What does not fit, which a plan rules out, gets memory of its own.
/// </remarks>
internal sealed unsafe class WeightArea : IDisposable
{
    private readonly NativeBuffer _memory;
    private readonly byte* _start;
    private readonly long _length;

    // In use, by offset.
    private readonly List<(long Offset, long Length)> _pieces = [];
    private readonly Dictionary<nint, NativeBuffer> _others = [];

    /// <summary>Reserves the area.</summary>
    /// <param name="bytes">Its size.</param>
    public WeightArea(long bytes)
    {
        _memory = new NativeBuffer(TotalBytes(bytes));
        _start = (byte*)(((nint)_memory.Pointer + StreamTraits.PageBytes - 1) & ~(nint)(StreamTraits.PageBytes - 1));
        _length = bytes;
    }

    /// <summary>The memory that an area of a size takes: it begins at a page.</summary>
    public static long TotalBytes(long bytes) => bytes == 0 ? 0 : checked(bytes + StreamTraits.PageBytes);

    /// <summary>Memory for a range.</summary>
    public byte* Take(in WeightRange range)
    {
        long length = StreamTraits.ResidentBytes(range);
        lock (_pieces)
        {
            long offset = 0;
            int index = 0;
            for (; index < _pieces.Count && _pieces[index].Offset - offset < length; index++)
            {
                offset = _pieces[index].Offset + _pieces[index].Length;
            }

            if (offset <= _length - length)
            {
                _pieces.Insert(index, (offset, length));
                return _start + offset;
            }

            NativeBuffer other = new(length);
            _others.Add((nint)other.Pointer, other);
            return other.Pointer;
        }
    }

    /// <summary>Gives memory back.</summary>
    /// <param name="bytes">What <see cref="Take"/> returned.</param>
    /// <param name="discards">Whether the system may have its pages: nothing that large is needed soon.</param>
    public void Return(byte* bytes, bool discards)
    {
        lock (_pieces)
        {
            if (_others.Remove((nint)bytes, out NativeBuffer? other))
            {
                other.Dispose();
                return;
            }

            int index = _pieces.FindIndex(piece => piece.Offset == bytes - _start);
            if (discards)
            {
                // Nobody else can take the piece before its pages are gone.
                OperatingSystemMemory.Discard(bytes, _pieces[index].Length);
            }

            _pieces.RemoveAt(index);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        foreach (NativeBuffer other in _others.Values)
        {
            other.Dispose();
        }
    }
}
