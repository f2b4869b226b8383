using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Sessions;

/// <summary>The values of a graph that exist at one moment of a run: tensors that were given or computed, and constants that planning found out.</summary>
/// <param name="reader">Reads constants that are weights.</param>
/// <param name="memory">Where a constant is read to that is needed as a tensor.</param>
internal sealed class LiveValues(RangeReader reader, ITensorMemory memory)
{
    private readonly Dictionary<Value, LiveTensor> _tensors = [];

    /// <summary>What is the same wherever the plans so far are used, and may be planned with.</summary>
    public Dictionary<Value, Constant> Constants { get; } = [];

    /// <summary>The values that exist.</summary>
    public IEnumerable<Value> All => Constants.Keys.Concat(_tensors.Keys.Where(value => !Constants.ContainsKey(value)));

    /// <summary>Sets a value that was given or computed, and becomes the tensor's owner.</summary>
    public void Set(Value value, LiveTensor tensor)
    {
        if (_tensors.Remove(value, out LiveTensor? before))
        {
            before.Release();
        }

        _tensors.Add(value, tensor);
    }

    /// <summary>The tensor that was given or computed, which stays the property of these values; null if there is none.</summary>
    public LiveTensor? Find(Value value) => _tensors.GetValueOrDefault(value);

    /// <summary>The content of a value that is known for planning; null if it is not, or was given to the run in place of a default.</summary>
    public Constant? FindConstant(Value value) => Constants.GetValueOrDefault(value) ?? (_tensors.ContainsKey(value) ? null : value.Constant);

    /// <summary>What is known of a value for planning; false if it does not exist yet.</summary>
    public bool TryGetKnown(Value value, out (TensorType Type, Constant? Constant) known)
    {
        if (Constants.TryGetValue(value, out Constant? constant))
        {
            known = (constant.Type, constant);
            return true;
        }

        bool found = _tensors.TryGetValue(value, out LiveTensor? tensor);
        known = found ? (tensor!.Type, null) : default;
        return found;
    }

    /// <summary>The tensor of a value, which the caller becomes an owner of. A constant is read.</summary>
    /// <exception cref="InvalidGraphException">Nobody has made it.</exception>
    public LiveTensor Take(Value value)
    {
        if (_tensors.TryGetValue(value, out LiveTensor? tensor))
        {
            return tensor.Retain();
        }

        Constant constant = Constants.GetValueOrDefault(value) ?? value.Constant ?? throw new InvalidGraphException($"The value '{value.Name}' is needed before it is made.");
        tensor = memory.Take(constant.Type);
        if (tensor.Block is not null)
        {
            Read(constant.ReadBy(reader), tensor.Bytes);
        }

        return tensor;
    }

    /// <summary>Lets the tensors go that are not needed any more.</summary>
    public void Release(Func<Value, bool> isNeeded)
    {
        foreach (Value value in _tensors.Keys.Where(value => !isNeeded(value)).ToArray())
        {
            _tensors.Remove(value, out LiveTensor? tensor);
            tensor!.Release();
        }
    }

    /// <summary>The native bytes that <see cref="Release"/> would free now.</summary>
    public long BytesToRelease(Func<Value, bool> isNeeded) => _tensors.Where(pair => pair.Value.Owners == 1 && !isNeeded(pair.Key)).Sum(pair => pair.Value.NativeBytes);

    /// <summary>The values that a graph inside of a node reads from around it.</summary>
    public LiveValues CapturedBy(Graph body)
    {
        LiveValues captured = new(reader, memory);
        foreach (Value value in body.Captures())
        {
            if (Constants.TryGetValue(value, out Constant? constant))
            {
                captured.Constants.Add(value, constant);
            }
            else if (!value.IsOptionalInput || _tensors.ContainsKey(value))
            {
                // An input that was not given stays the constant that it is by default.
                captured._tensors.Add(value, Take(value));
            }
        }

        return captured;
    }

    /// <summary>The same values, as their owner as well.</summary>
    public LiveValues Copy()
    {
        LiveValues copy = new(reader, memory);
        foreach ((Value value, Constant constant) in Constants)
        {
            copy.Constants.Add(value, constant);
        }

        foreach ((Value value, LiveTensor tensor) in _tensors)
        {
            copy._tensors.Add(value, tensor.Retain());
        }

        return copy;
    }

    /// <summary>The same values for a run that is only planned and goes its own way from here on.</summary>
    /// <param name="other">What counts its tensors.</param>
    public LiveValues Fork(ITensorMemory other)
    {
        LiveValues fork = new(reader, other);
        foreach ((Value value, Constant constant) in Constants)
        {
            fork.Constants.Add(value, constant);
        }

        // A tensor that is several values is so in the fork.
        Dictionary<LiveTensor, LiveTensor> tensors = [];
        foreach ((Value value, LiveTensor tensor) in _tensors)
        {
            if (!tensors.TryGetValue(tensor, out LiveTensor? copy))
            {
                tensors.Add(tensor, copy = tensor.Fork(other));
            }

            fork._tensors.Add(value, copy);
        }

        return fork;
    }

    private static void Read(Constant constant, Span<byte> destination)
    {
        if (constant.Data is { } data)
        {
            data.CopyTo(destination);
            return;
        }

        if (constant.IsPacked)
        {
            constant.ReadElements(destination);
            return;
        }

        using MemoryStream bytes = new(destination.Length);
        WeightCopier.Copy(constant, constant.Type.ElementType, bytes);
        bytes.GetBuffer().AsSpan(0, (int)bytes.Length).CopyTo(destination);
    }
}
