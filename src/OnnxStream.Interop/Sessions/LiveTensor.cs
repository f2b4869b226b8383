using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Sessions;

/// <summary>A tensor that exists for a part of a run: in native memory, or in the managed memory of what a run is given and returns.</summary>
/// <remarks>The same tensor may be several values, in graphs inside of each other. When the last owner lets it go, its memory is free.</remarks>
internal sealed unsafe class LiveTensor : LiveValue
{
    private readonly ITensorMemory? _memory;
    private readonly TensorBuffer? _managed;

    // Whether a caller has the buffer: what a run gives back is its own.
    private bool _isCallers;

    /// <summary>A tensor in native memory.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="memory">Takes it back when it has no owner; null for nobody.</param>
    /// <param name="block">Its bytes; null where it is only planned.</param>
    public LiveTensor(TensorType type, ITensorMemory? memory, NativeBuffer? block)
    {
        Type = type;
        _memory = memory;
        Block = block;
    }

    /// <summary>A tensor of a caller, or for one.</summary>
    /// <param name="managed">The tensor.</param>
    /// <param name="isCallers">Whether a caller has it already, and nobody may write to it.</param>
    public LiveTensor(TensorBuffer managed, bool isCallers = false)
    {
        Type = managed.Type;
        _managed = managed;
        _isCallers = isCallers;
    }

    /// <summary>A tensor for a caller that is only planned.</summary>
    public LiveTensor(TensorType type) => Type = type;

    /// <summary>The element type and shape.</summary>
    public TensorType Type { get; }

    /// <summary>The type of the elements.</summary>
    public ElementType ElementType => Type.ElementType;

    /// <summary>The dimensions.</summary>
    public Shape Shape => Type.Shape;

    /// <summary>Why the shape is the largest possible one instead of that of a run; null if it is not. For tensors that are only planned.</summary>
    public string? Bound { get; set; }

    /// <inheritdoc/>
    public override long NativeBytes => _memory is null ? 0 : Type.ByteLength;

    /// <inheritdoc/>
    public override IReadOnlyList<LiveTensor> Tensors => [this];

    /// <inheritdoc/>
    public override string Description => $"a {Type}";

    /// <summary>Whether there are elements; false where it is only planned.</summary>
    public bool HasContent => _managed is not null || Block is not null;

    /// <summary>The native memory; null where there is none.</summary>
    public NativeBuffer? Block { get; }

    /// <summary>The elements, in the byte order of the machine.</summary>
    public Span<byte> Bytes => _managed is not null ? _managed.Bytes : new Span<byte>(Block!.Pointer, (int)Type.ByteLength);

    /// <inheritdoc/>
    public override LiveTensor Fork(ITensorMemory memory, Dictionary<LiveTensor, LiveTensor> forks)
    {
        if (!forks.TryGetValue(this, out LiveTensor? fork))
        {
            forks.Add(this, fork = new LiveTensor(Type, _memory is null ? null : memory, null) { Owners = Owners, Bound = Bound });
        }

        return fork;
    }

    /// <inheritdoc/>
    public override LiveTensor Retain()
    {
        Owners++;
        return this;
    }

    /// <inheritdoc/>
    public override bool IsLike(LiveValue other) => other is LiveTensor tensor && tensor.Type == Type;

    /// <summary>The tensor for a caller: itself if it is in managed memory that no caller has, a copy otherwise.</summary>
    public override TensorBuffer ToOnnxValue()
    {
        if (_managed is not null && !_isCallers)
        {
            _isCallers = true;
            return _managed;
        }

        TensorBuffer buffer = TensorBuffer.Uninitialized(Type);
        Bytes.CopyTo(buffer.Bytes);
        return buffer;
    }

    /// <inheritdoc/>
    protected override void Free() => _memory?.Return(this);
}
