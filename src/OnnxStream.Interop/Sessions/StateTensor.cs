using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Sessions;

/// <summary>One tensor of a state: what the next run reads, and the memory that it writes to.</summary>
/// <remarks>
/// There are two blocks, which a run exchanges when it has ended: one that fails leaves the state as it was. A plan that extends the tensor where it is
/// needs one of them: the rows before the axis then lie at distances of the capacity, and what is there already is not touched.
/// </remarks>
internal sealed unsafe class StateTensor : IDisposable
{
    private readonly StateLayout _layout;
    private NativeBuffer _current;
    private NativeBuffer _next;

    // Whether rows lie at distances of the capacity.
    private bool _isSpread;

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

        Type = layout.Stored(layout.Start);
        Reset();
    }

    /// <summary>What the tensor may be.</summary>
    public StateLayout Layout => _layout;

    /// <summary>The model's output.</summary>
    public Value Output => _layout.Output;

    /// <summary>The model's input.</summary>
    public Value Input => _layout.Input;

    /// <summary>The type of what the next run reads, as it is stored.</summary>
    public TensorType Type { get; private set; }

    /// <summary>What the next run reads. Nobody takes its memory back.</summary>
    public LiveTensor Current => new(Type, null, _current);

    /// <summary>The memory that a run writes to.</summary>
    /// <returns>Null for a tensor that is not made as it is stored.</returns>
    /// <exception cref="InvalidInputException">The tensor is larger than the capacity, or of another shape than can be read next.</exception>
    public LiveTensor? Next(TensorType type)
    {
        _layout.Check(type);
        return type == _layout.Stored(type) ? new LiveTensor(type, null, _isSpread ? _current : _next) : null;
    }

    /// <summary>A copy of what the next run reads.</summary>
    public TensorBuffer Read()
    {
        TensorBuffer tensor = TensorBuffer.Uninitialized(_layout.Declared(Type));
        fixed (byte* bytes = tensor.Bytes)
        {
            if (_layout.Format is not { } format)
            {
                CopyRows(_current.Pointer, Distance, bytes, RowBytes);
                return tensor;
            }

            fixed (byte* stored = ReadStored())
            {
                format.ExpandRows(stored, (float*)bytes, Type.Shape.Product(0, Type.Shape.Rank - 1), checked((int)Type.Shape[^1]));
            }
        }

        return tensor;
    }

    /// <summary>A copy of the bytes of what the next run reads.</summary>
    public byte[] ReadStored()
    {
        byte[] copy = new byte[Type.ByteLength];
        fixed (byte* bytes = copy)
        {
            CopyRows(_current.Pointer, Distance, bytes, RowBytes);
        }

        return copy;
    }

    /// <summary>Arranges the rows as a plan reads them.</summary>
    /// <param name="isExtended">Whether the plan extends the tensor where it is; otherwise it wants one row behind the other.</param>
    public void Arrange(bool isExtended)
    {
        if (isExtended == _isSpread)
        {
            return;
        }

        long before = Distance;
        _isSpread = isExtended;
        if (Distance != before)
        {
            CopyRows(_current.Pointer, before, _next.Pointer, Distance);
            (_current, _next) = (_next, _current);
        }
    }

    /// <summary>Makes what a run has computed what the next one reads.</summary>
    public void Exchange(LiveTensor result)
    {
        // The state may come out as it went in, or have been extended.
        if (result.Block == _current)
        {
            Type = result.Type;
        }
        else
        {
            if (result.Block != _next)
            {
                Copy(result.Type, result.Bytes, _next);
            }

            (_current, _next) = (_next, _current);
            Type = _layout.Stored(result.Type);
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
        Type = _layout.Stored(tensor.Type);
        _isSpread = false;
        Copy(tensor.Type, tensor.Bytes, _current);
    }

    /// <summary>Sets what the next run reads to bytes as they are stored.</summary>
    public void WriteStored(Shape shape, ReadOnlySpan<byte> bytes)
    {
        TensorType type = _layout.Stored(_layout.Start with { Shape = shape });
        _layout.Check(type);
        if (bytes.Length != type.ByteLength)
        {
            throw new InvalidInputException($"The state '{Input.Name}' takes {type.ByteLength:N0} bytes for {shape}, and was given {bytes.Length:N0}.");
        }

        Type = type;
        _isSpread = false;
        bytes.CopyTo(Current.Bytes);
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
        Type = _layout.Stored(_layout.Start);
        _isSpread = false;
        Current.Bytes.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _current.Dispose();
        _next.Dispose();
    }

    // Rows are whole: where they have a format, they grow along another axis.
    private long EntryBytes => _layout.Format is { } format
        ? Type.Shape.Product(_layout.Axis!.Value + 1, Type.Shape.Rank - 1) * format.Bytes(Type.Shape[^1])
        : Type.Shape.Product((_layout.Axis ?? 0) + 1, Type.Shape.Rank) * Type.ElementType.SizeOf();

    private long RowBytes => _layout.Axis is { } axis ? Type.Shape[axis] * EntryBytes : Type.ByteLength;

    // Bytes from a row to the next.
    private long Distance => _isSpread ? _layout.Largest.Shape[_layout.Axis!.Value] * EntryBytes : RowBytes;

    // Puts a tensor into a block, one row behind the other, as it is stored.
    private void Copy(TensorType type, ReadOnlySpan<byte> elements, NativeBuffer block)
    {
        TensorType stored = _layout.Stored(type);
        if (_layout.Format is not { } format || type == stored)
        {
            elements.CopyTo(new Span<byte>(block.Pointer, elements.Length));
            return;
        }

        fixed (byte* numbers = elements)
        {
            int columns = checked((int)type.Shape[^1]);
            format.RoundRows((float*)numbers, block.Pointer, type.Shape.Product(0, type.Shape.Rank - 1), columns, format.Bytes(columns));
        }
    }

    // What stays moves to the front.
    private void Keep(long first, long count)
    {
        int axis = _layout.Axis!.Value;
        byte* source = _current.Pointer + first * EntryBytes;
        long distance = Distance;
        Type = Type with { Shape = Type.Shape.With(axis, count) };
        CopyRows(source, distance, _current.Pointer, Distance);
    }

    // Copies the rows of the tensor as it is now, from the first on: to the front of the same block, or to another one.
    private void CopyRows(byte* source, long sourceDistance, byte* destination, long distance)
    {
        if (source == destination && sourceDistance == distance)
        {
            return;
        }

        long bytes = RowBytes;
        for (long row = 0, rows = Type.Shape.Product(0, _layout.Axis ?? 0); row < rows; row++)
        {
            Buffer.MemoryCopy(source + row * sourceDistance, destination + row * distance, bytes, bytes);
        }
    }
}
