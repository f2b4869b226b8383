using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Sessions;

/// <summary>The values of a graph that exist at one moment of a run: tensors and sequences that were given or computed, and constants that planning found out.</summary>
/// <param name="reader">Reads constants that are weights.</param>
/// <param name="memory">Where a constant is read to that is needed as a tensor.</param>
internal sealed class LiveValues(RangeReader reader, ITensorMemory memory)
{
    private readonly Dictionary<Value, LiveValue> _live = [];

    /// <summary>What is the same wherever the plans so far are used, and may be planned with.</summary>
    public Dictionary<Value, Constant> Constants { get; } = [];

    /// <summary>The values that exist.</summary>
    public IEnumerable<Value> All => Constants.Keys.Concat(_live.Keys.Where(value => !Constants.ContainsKey(value)));

    /// <summary>Sets a value that was given or computed, and becomes its owner.</summary>
    public void Set(Value value, LiveValue live)
    {
        if (_live.Remove(value, out LiveValue? before))
        {
            before.Release();
        }

        _live.Add(value, live);
    }

    /// <summary>What was given or computed, which stays the property of these values; null if there is nothing.</summary>
    public LiveValue? Find(Value value) => _live.GetValueOrDefault(value);

    /// <summary>The tensor that was given or computed, which stays the property of these values; null if there is none.</summary>
    public LiveTensor? FindTensor(Value value) => Find(value) as LiveTensor;

    /// <summary>The content of a value that is known for planning; null if it is not, or was given to the run in place of a default.</summary>
    public Constant? FindConstant(Value value) => Constants.GetValueOrDefault(value) ?? (_live.ContainsKey(value) ? null : value.Constant);

    /// <summary>What is known of a tensor for planning; false if it does not exist yet, or is something else.</summary>
    public bool TryGetKnown(Value value, out (TensorType Type, Constant? Constant) known)
    {
        if (Constants.TryGetValue(value, out Constant? constant))
        {
            known = (constant.Type, constant);
            return true;
        }

        LiveTensor? tensor = FindTensor(value);
        known = tensor is not null ? (tensor.Type, null) : default;
        return tensor is not null;
    }

    /// <summary>What a value is, which the caller becomes an owner of. A constant is read.</summary>
    /// <exception cref="InvalidGraphException">Nobody has made it.</exception>
    public LiveValue Take(Value value)
    {
        if (_live.TryGetValue(value, out LiveValue? live))
        {
            return live.Retain();
        }

        Constant constant = Constants.GetValueOrDefault(value) ?? value.Constant ?? throw new InvalidGraphException($"The value '{value.Name}' is needed before it is made.");
        LiveTensor tensor = memory.Take(constant.Type);
        if (tensor.Block is not null)
        {
            Read(constant.ReadBy(reader), tensor.Bytes);
        }

        return tensor;
    }

    /// <summary>Lets go of what is not needed any more.</summary>
    public void Release(Func<Value, bool> isNeeded)
    {
        foreach (Value value in _live.Keys.Where(value => !isNeeded(value)).ToArray())
        {
            _live.Remove(value, out LiveValue? live);
            live!.Release();
        }
    }

    /// <summary>The native bytes that <see cref="Release"/> would free now.</summary>
    public long BytesToRelease(Func<Value, bool> isNeeded) => _live.Where(pair => pair.Value.Owners == 1 && !isNeeded(pair.Key)).Sum(pair => pair.Value.NativeBytes);

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
            else if (!value.IsOptionalInput || _live.ContainsKey(value))
            {
                // An input that was not given stays the constant that it is by default.
                captured._live.Add(value, Take(value));
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

        foreach ((Value value, LiveValue live) in _live)
        {
            copy._live.Add(value, live.Retain());
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
        Dictionary<LiveValue, LiveValue> values = [];
        foreach ((Value value, LiveValue live) in _live)
        {
            if (!values.TryGetValue(live, out LiveValue? copy))
            {
                values.Add(live, copy = live.Fork(other, tensors));
            }

            fork._live.Add(value, copy);
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

        if (constant.StoredType == constant.Type.ElementType)
        {
            constant.ReadElements(destination);
            return;
        }

        if (constant.Quantization is not null)
        {
            WeightElements.Read(constant, MemoryMarshal.Cast<byte, float>(destination));
            return;
        }

        using MemoryStream bytes = new(destination.Length);
        WeightCopier.Copy(constant, constant.Type.ElementType, bytes);
        bytes.GetBuffer().AsSpan(0, (int)bytes.Length).CopyTo(destination);
    }
}
