using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Sessions;

/// <summary>Copies tensors between a caller's memory and the arena, large ones with all threads.</summary>
internal sealed unsafe class TensorCopier(WorkerPool workers) : IParallelBody
{
    private const long PieceBytes = 256 << 10;

    private byte* _source;
    private byte* _destination;
    private long _length;

    /// <summary>Copies bytes.</summary>
    public void Copy(byte* source, byte* destination, long length)
    {
        _source = source;
        _destination = destination;
        _length = length;
        workers.Parallelize(this, checked((int)((length + PieceBytes - 1) / PieceBytes)), length);
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long start = index * PieceBytes;
        Buffer.MemoryCopy(_source + start, _destination + start, _length - start, Math.Min(PieceBytes, _length - start));
    }
}
