namespace OnnxStream.Interop.Sessions;

/// <summary>What kinds of values a run is given, by the names of its inputs.</summary>
/// <param name="tensors">The types of tensors.</param>
/// <param name="sequences">The element types of sequences, and the types of their tensors.</param>
/// <param name="isComplete">Whether nothing else is given; otherwise nothing is known of sequences that are not listed.</param>
internal sealed class InputTypes(IReadOnlyDictionary<string, TensorType> tensors, IReadOnlyDictionary<string, (ElementType Type, TensorType[] Tensors)> sequences, bool isComplete)
{
    private static readonly Dictionary<string, (ElementType Type, TensorType[] Tensors)> s_none = [];

    /// <summary>The types of tensors, as a plan is told them.</summary>
    /// <param name="tensors">The types.</param>
    /// <param name="isComplete">Whether a run is given nothing else.</param>
    public InputTypes(IReadOnlyDictionary<string, TensorType> tensors, bool isComplete)
        : this(tensors, s_none, isComplete)
    {
    }

    /// <summary>The types of values.</summary>
    public InputTypes(IReadOnlyDictionary<string, OnnxValue> values)
        : this(
            values.Where(pair => pair.Value is TensorBuffer).ToDictionary(pair => pair.Key, pair => ((TensorBuffer)pair.Value).Type),
            values.Where(pair => pair.Value is TensorSequence).ToDictionary(pair => pair.Key, pair => (((TensorSequence)pair.Value).ElementType, ((TensorSequence)pair.Value).Select(tensor => tensor.Type).ToArray())),
            isComplete: true)
    {
    }

    /// <summary>The types of tensors.</summary>
    public IReadOnlyDictionary<string, TensorType> Tensors { get; } = tensors;

    /// <summary>The element types of sequences, and the types of their tensors.</summary>
    public IReadOnlyDictionary<string, (ElementType Type, TensorType[] Tensors)> Sequences { get; } = sequences;

    /// <summary>Whether nothing else is given.</summary>
    public bool IsComplete { get; } = isComplete;

    /// <summary>Whether the same is given.</summary>
    public bool Equal(InputTypes other) =>
        other.IsComplete == IsComplete && other.Tensors.Count == Tensors.Count && other.Tensors.All(pair => Tensors.TryGetValue(pair.Key, out TensorType type) && type == pair.Value) &&
        other.Sequences.Count == Sequences.Count && other.Sequences.All(pair => Sequences.TryGetValue(pair.Key, out (ElementType Type, TensorType[] Tensors) sequence) &&
            sequence.Type == pair.Value.Type && sequence.Tensors.SequenceEqual(pair.Value.Tensors));
}
