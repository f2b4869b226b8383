using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Sessions;

/// <summary>The values of a graph that exist at one moment of a run: tensors that were given or computed, and constants that planning found out.</summary>
/// <param name="reader">Reads constants that are weights.</param>
internal sealed class LiveValues(RangeReader reader)
{
    /// <summary>What was given or computed.</summary>
    public Dictionary<Value, TensorBuffer> Tensors { get; } = [];

    /// <summary>What is the same wherever the plans so far are used, and may be planned with.</summary>
    public Dictionary<Value, Constant> Constants { get; } = [];

    /// <summary>The values that exist.</summary>
    public IEnumerable<Value> All => Constants.Keys.Concat(Tensors.Keys.Where(value => !Constants.ContainsKey(value)));

    /// <summary>What is known of a value for planning; false if it does not exist yet.</summary>
    public bool TryGetKnown(Value value, out (TensorType Type, Constant? Constant) known)
    {
        if (Constants.TryGetValue(value, out Constant? constant))
        {
            known = (constant.Type, constant);
            return true;
        }

        bool found = Tensors.TryGetValue(value, out TensorBuffer? tensor);
        known = found ? (tensor!.Type, null) : default;
        return found;
    }

    /// <summary>The elements of a value, a constant one included.</summary>
    /// <exception cref="InvalidGraphException">Nobody has made it.</exception>
    public TensorBuffer Tensor(Value value) =>
        Tensors.TryGetValue(value, out TensorBuffer? tensor) ? tensor :
        (Constants.GetValueOrDefault(value) ?? value.Constant) is { } constant ? Read(constant.ReadBy(reader)) :
        throw new InvalidGraphException($"The value '{value.Name}' is needed before it is made.");

    /// <summary>The values that a graph inside of a node reads from around it.</summary>
    public LiveValues CapturedBy(Graph body)
    {
        LiveValues captured = new(reader);
        foreach (Value value in body.Captures())
        {
            if (Constants.TryGetValue(value, out Constant? constant))
            {
                captured.Constants.Add(value, constant);
            }
            else
            {
                captured.Tensors.Add(value, Tensor(value));
            }
        }

        return captured;
    }

    /// <summary>The same values, to which others can be added.</summary>
    public LiveValues Copy()
    {
        LiveValues copy = new(reader);
        foreach ((Value value, Constant constant) in Constants)
        {
            copy.Constants.Add(value, constant);
        }

        foreach ((Value value, TensorBuffer tensor) in Tensors)
        {
            copy.Tensors.Add(value, tensor);
        }

        return copy;
    }

    private static TensorBuffer Read(Constant constant)
    {
        TensorBuffer tensor = new(constant.Type.ElementType, constant.Type.Shape);
        if (constant.Data is { } data)
        {
            data.CopyTo(tensor.Bytes);
            return tensor;
        }

        using MemoryStream bytes = new(tensor.Bytes.Length);
        WeightCopier.Copy(constant, constant.Type.ElementType, bytes);
        bytes.GetBuffer().AsSpan(0, (int)bytes.Length).CopyTo(tensor.Bytes);
        return tensor;
    }
}
