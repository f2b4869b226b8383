namespace OnnxStream.Interop.Sessions;

/// <summary>Counts the tensors of a run that is only planned. They have no memory.</summary>
/// <param name="liveBytes">What is counted at first.</param>
/// <param name="record">Told of every number of bytes that is larger than the one before.</param>
internal sealed class TensorLedger(long liveBytes, Action<long> record) : ITensorMemory
{
    /// <summary>The bytes of tensors that somebody owns.</summary>
    public long LiveBytes { get; private set; } = liveBytes;

    /// <inheritdoc/>
    public LiveTensor Take(TensorType type)
    {
        LiveBytes += type.ByteLength;
        record(LiveBytes);
        return new LiveTensor(type, this, null);
    }

    /// <inheritdoc/>
    public LiveTensor TakeOutput(TensorType type) => new(type);

    /// <inheritdoc/>
    public void Return(LiveTensor tensor) => LiveBytes -= tensor.NativeBytes;

    /// <summary>A ledger that goes its own way from here on.</summary>
    public TensorLedger Fork() => new(LiveBytes, record);
}
