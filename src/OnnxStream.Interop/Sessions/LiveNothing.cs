namespace OnnxStream.Interop.Sessions;

/// <summary>An optional value without content.</summary>
internal sealed class LiveNothing : LiveValue
{
    /// <inheritdoc/>
    public override long NativeBytes => 0;

    /// <inheritdoc/>
    public override IReadOnlyList<LiveTensor> Tensors => [];

    /// <inheritdoc/>
    public override string Description => "an optional value without content";

    /// <inheritdoc/>
    public override LiveValue Fork(ITensorMemory memory, Dictionary<LiveTensor, LiveTensor> forks) => new LiveNothing { Owners = Owners };

    /// <inheritdoc/>
    public override bool IsLike(LiveValue other) => other is LiveNothing;

    /// <inheritdoc/>
    public override OnnxValue? ToOnnxValue() => null;

    /// <inheritdoc/>
    protected override void Free()
    {
    }
}
