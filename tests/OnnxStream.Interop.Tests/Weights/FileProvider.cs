using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

/// <summary>A provider as a user would write one, that counts reads and fails when told to.</summary>
internal sealed class FileProvider(long windowBytes) : WeightsProvider(windowBytes)
{
    private readonly Lock _lock = new();
    private int _reads;
    private int _failFrom = int.MaxValue;
    private Exception? _failure;

    public int Reads => _reads;

    public bool FailsOnce { get; init; }

    /// <summary>Lets read n and all that follow fail, counted from now.</summary>
    public void FailFrom(int n, Exception? failure)
    {
        lock (_lock)
        {
            _failFrom = n == int.MaxValue ? n : _reads + n;
            _failure = failure;
        }
    }

    public override void Read(in WeightRange range, Span<byte> destination)
    {
        lock (_lock)
        {
            int read = _reads++;
            if (FailsOnce ? read == _failFrom : read >= _failFrom)
            {
                throw _failure!;
            }
        }

        range.Read(destination);
    }
}
