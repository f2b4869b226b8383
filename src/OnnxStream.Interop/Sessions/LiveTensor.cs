using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Sessions;

/// <summary>A tensor that exists for a part of a run: in native memory, or in the managed memory of what a run is given and returns.</summary>
/// <remarks>
/// It has as many owners as there are values that it is: the same tensor may be several of them, in graphs inside of each other.
/// When the last owner lets it go, its memory is free. Owners are counted on the thread that runs.
/// </remarks>
internal sealed unsafe class LiveTensor
{
    private readonly ITensorMemory? _memory;
    private readonly TensorBuffer? _managed;

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
    public LiveTensor(TensorBuffer managed)
    {
        Type = managed.Type;
        _managed = managed;
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

    /// <summary>How many values the tensor is.</summary>
    public int Owners { get; private set; } = 1;

    /// <summary>The native bytes that are free when its last owner lets it go.</summary>
    public long NativeBytes => _memory is null ? 0 : Type.ByteLength;

    /// <summary>The native memory; null where there is none.</summary>
    public NativeBuffer? Block { get; }

    /// <summary>The elements, in the byte order of the machine.</summary>
    public Span<byte> Bytes => _managed is not null ? _managed.Bytes : new Span<byte>(Block!.Pointer, (int)Type.ByteLength);

    /// <summary>A tensor that is only planned, with as many owners, that goes its own way from here on.</summary>
    /// <param name="memory">Takes it back when it has no owner.</param>
    public LiveTensor Fork(ITensorMemory memory) => new(Type, _memory is null ? null : memory, null) { Owners = Owners, Bound = Bound };

    /// <summary>Adds an owner.</summary>
    public LiveTensor Retain()
    {
        Owners++;
        return this;
    }

    /// <summary>Takes an owner away.</summary>
    public void Release()
    {
        if (--Owners == 0)
        {
            _memory?.Return(this);
        }
    }

    /// <summary>The tensor for a caller: itself if it is in managed memory, a copy otherwise.</summary>
    public TensorBuffer ToBuffer()
    {
        if (_managed is not null)
        {
            return _managed;
        }

        TensorBuffer buffer = TensorBuffer.Uninitialized(Type);
        Bytes.CopyTo(buffer.Bytes);
        return buffer;
    }
}
