using OnnxStream.Interop.Tensors;

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

    /// <summary>
    /// The type in which the tensor is kept: null (the default) for that of the model, <see cref="ElementType.Float16"/> for half the bytes, or
    /// <see cref="ElementType.Int8"/> for a little more than a quarter: 34 bytes for 32 numbers of a row, which share a scale. An entry is rounded once, when it is
    /// written, and read where it lies; computed is in single precision. Only for tensors of single precision that grow, along another axis than the last. In float16, what is
    /// beyond ±65504 becomes infinite.
    /// </summary>
    /// <exception cref="ArgumentException">It is another type.</exception>
    public ElementType? StoredElementType
    {
        get;
        init => field = value is null || RowFormat.Asked(value.Value) is not null ? value : throw new ArgumentException($"A state cannot be kept as {value}: Float32, Float16 and Int8 are possible.", nameof(value));
    }
}
