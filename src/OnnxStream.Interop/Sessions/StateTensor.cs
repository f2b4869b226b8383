using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Sessions;

/// <summary>One tensor of a state: what the next run reads, and the memory that it writes to.</summary>
/// <remarks>There are two blocks, which a run exchanges when it has ended: one that fails leaves the state as it was.</remarks>
internal sealed unsafe class StateTensor : IDisposable
{
    private readonly StateLayout _layout;
    private NativeBuffer _current;
    private NativeBuffer _next;

    /// <summary>Reserves both blocks, and starts with zeros. They are charged to the account that the thread has entered.</summary>
    /// <exception cref="NativeMemoryException">The operating system refuses.</exception>
    public StateTensor(StateLayout layout)
    {
        _layout = layout;
        _current = new NativeBuffer(layout.BlockBytes);
        try
        {
            _next = new NativeBuffer(layout.BlockBytes);
        }
        catch
        {
            _current.Dispose();
            throw;
        }

        Type = layout.Start;
        Reset();
    }

    /// <summary>The model's output.</summary>
    public Value Output => _layout.Output;

    /// <summary>The model's input.</summary>
    public Value Input => _layout.Input;

    /// <summary>The type of what the next run reads.</summary>
    public TensorType Type { get; private set; }

    /// <summary>What the next run reads. Nobody takes its memory back.</summary>
    public LiveTensor Current => new(Type, null, _current);

    /// <summary>The memory that a run writes to.</summary>
    /// <exception cref="InvalidInputException">The tensor is larger than the capacity, or of another shape than can be read next.</exception>
    public LiveTensor Next(TensorType type)
    {
        _layout.Check(type);
        return new LiveTensor(type, null, _next);
    }

    /// <summary>Makes what a run has computed what the next one reads.</summary>
    public void Exchange(LiveTensor result)
    {
        // The state may come out as it went in.
        if (result.Block != _current)
        {
            if (result.Block != _next)
            {
                result.Bytes.CopyTo(Next(result.Type).Bytes);
            }

            (_current, _next) = (_next, _current);
            Type = result.Type;
        }
    }

    /// <summary>Lets go of what is before the window.</summary>
    public void Slide()
    {
        if (_layout.Window is { } window && Type.Shape[_layout.Axis!.Value] > window)
        {
            Keep(Type.Shape[_layout.Axis.Value] - window, window);
        }
    }

    /// <summary>Sets what the next run reads.</summary>
    public void Write(TensorBuffer tensor)
    {
        _layout.Check(tensor.Type);
        Type = tensor.Type;
        tensor.Bytes.CopyTo(Current.Bytes);
    }

    /// <summary>Lets go of all but the first entries along the axis; does nothing if there is none.</summary>
    public void Truncate(long length)
    {
        if (_layout.Axis is { } axis && Type.Shape[axis] > length)
        {
            Keep(0, length);
        }
    }

    /// <summary>Goes back to the start.</summary>
    public void Reset()
    {
        Type = _layout.Start;
        Current.Bytes.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _current.Dispose();
        _next.Dispose();
    }

    // What stays moves to the front: rows follow each other.
    private void Keep(long first, long count)
    {
        int axis = _layout.Axis!.Value;
        Shape shape = Type.Shape;
        long entry = shape.Product(axis + 1, shape.Rank) * Type.ElementType.SizeOf();
        for (long outer = 0, rows = shape.Product(0, axis); outer < rows; outer++)
        {
            byte* source = _current.Pointer + (outer * shape[axis] + first) * entry;
            Buffer.MemoryCopy(source, _current.Pointer + outer * count * entry, count * entry, count * entry);
        }

        Type = new TensorType(Type.ElementType, shape.With(axis, count));
    }
}
