using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Buffers of one size, used again and again for weights that are copied.</summary>
internal sealed unsafe class WeightBuffers : IDisposable
{
    private readonly NativeBuffer _memory;
    private readonly long _stride;
    private readonly Stack<int> _free = [];

    /// <summary>Reserves the buffers.</summary>
    /// <param name="count">Their number.</param>
    /// <param name="bytes">The size of each.</param>
    public WeightBuffers(int count, long bytes)
    {
        _stride = Stride(bytes);
        _memory = new NativeBuffer(TotalBytes(count, bytes));
        for (int i = count - 1; i >= 0; i--)
        {
            _free.Push(i);
        }
    }

    /// <summary>The memory that buffers take.</summary>
    public static long TotalBytes(int count, long bytes) => bytes == 0 ? 0 : count * Stride(bytes);

    /// <summary>Takes a free buffer.</summary>
    /// <returns>Its number, or -1 if there is none.</returns>
    public int TryTake()
    {
        lock (_free)
        {
            return _free.TryPop(out int number) ? number : -1;
        }
    }

    /// <summary>Gives a buffer back.</summary>
    public void Return(int number)
    {
        lock (_free)
        {
            _free.Push(number);
        }
    }

    /// <summary>The first byte of a buffer.</summary>
    public byte* Address(int number) => _memory.Pointer + number * _stride;

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private static long Stride(long bytes) => CountedMemory.Align(bytes + XnnpackLibrary.ReadPastEnd);
}
