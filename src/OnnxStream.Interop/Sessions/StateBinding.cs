namespace OnnxStream.Interop;

/// <summary>An output of a model that is an input of its next run: a cache of keys, the hidden state of an LSTM, the last frames of a stream.</summary>
/// <remarks>
/// A session with bindings (<see cref="SessionOptions.StateBindings"/>) keeps such tensors in native memory (<see cref="SessionState"/>). They are what
/// ONNX Runtime binds with an <c>IoBinding</c>; here the session reads and writes them in place, and exchanges them after a run.
/// </remarks>
/// <param name="Output">The name of the model's output.</param>
/// <param name="Input">The name of the model's input; a run is not given it any more.</param>
public sealed record StateBinding(string Output, string Input)
{
    /// <summary>
    /// The shape at the start. Null (the default) for the one that the model declares for the input, with 0 for <see cref="Axis"/>: then no other
    /// dimension may be open.
    /// </summary>
    public Shape? Shape { get; init; }

    /// <summary>The axis along which a run makes the tensor longer, counted from the end if negative; null (the default) if its shape stays.</summary>
    public int? Axis { get; init; }

    /// <summary>The largest dimension along <see cref="Axis"/> that an output may have. Memory for it is taken when a state is made. It must be positive if there is an axis.</summary>
    public long Capacity { get; init; }

    /// <summary>
    /// The most entries along <see cref="Axis"/> that the next run is given: the last ones. Null (the default) for all. It makes a sliding window, and
    /// must be smaller than <see cref="Capacity"/> by the entries that a run adds.
    /// </summary>
    public long? Window { get; init; }
}
