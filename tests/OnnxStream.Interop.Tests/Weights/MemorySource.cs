using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

/// <summary>A source as a user would write it: bytes in memory, which lie about themselves when told to.</summary>
internal sealed class MemorySource(string id, byte[] bytes) : WeightSource(id)
{
    private int _reads;

    public int Reads => _reads;

    public Func<long> LengthIs { get; set; } = () => bytes.Length;

    public Func<string?> VersionIs { get; set; } = () => "1";

    /// <summary>Called before each read, with its first byte.</summary>
    public Action<long> OnRead { get; set; } = _ => { };

    public override long Length => LengthIs();

    public override string Version => VersionIs()!;

    public override void Read(long offset, Span<byte> destination)
    {
        Interlocked.Increment(ref _reads);
        OnRead(offset);
        bytes.AsSpan(checked((int)offset), destination.Length).CopyTo(destination);
    }
}
