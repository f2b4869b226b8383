using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Sessions;

namespace OnnxStream.Interop;

/// <summary>The tensors that a session carries from run to run: a conversation, a stream of sound, a video.</summary>
/// <remarks>
/// It is made by <see cref="InferenceSession.CreateState"/>, in native memory that counts against the session's budget, twice as much as its tensors
/// need at their capacity: a run that fails leaves them as they were. A session may have several, and a run uses one of them. What another thread does
/// with it meanwhile waits for the run's end.
/// </remarks>
public sealed class SessionState : IDisposable
{
    private readonly StateTensor[] _tensors;
    private readonly Action<Action> _enter;
    private readonly Action<SessionState> _disposed;

    /// <summary>Takes the tensors over.</summary>
    /// <param name="tensors">The tensors.</param>
    /// <param name="enter">Calls what it is given while no run uses the state.</param>
    /// <param name="disposed">Called when the state is disposed.</param>
    internal SessionState(StateTensor[] tensors, Action<Action> enter, Action<SessionState> disposed)
    {
        _tensors = tensors;
        _enter = enter;
        _disposed = disposed;
    }

    /// <summary>The names of the inputs that come from the state.</summary>
    public IReadOnlyList<string> Inputs => [.. _tensors.Select(tensor => tensor.Input.Name)];

    /// <summary>Whether <see cref="Dispose"/> was called, or its session was disposed.</summary>
    internal bool IsDisposed { get; private set; }

    /// <summary>The element type and shape of what the next run reads.</summary>
    /// <param name="input">The name of the input.</param>
    /// <exception cref="ArgumentException">It is not a part of the state.</exception>
    /// <exception cref="ObjectDisposedException">The state or its session was disposed.</exception>
    /// <exception cref="InvalidOperationException">This is called inside of a run of the session.</exception>
    public TensorType TypeOf(string input) => Enter(() => Find(input) is var tensor ? tensor.Layout.Declared(tensor.Type) : default);

    /// <summary>A copy of what the next run reads.</summary>
    /// <inheritdoc cref="TypeOf"/>
    public TensorBuffer Read(string input) => Enter(() => Find(input).Read());

    /// <summary>Sets what the next run reads.</summary>
    /// <param name="input">The name of the input.</param>
    /// <param name="tensor">Its elements, which are copied.</param>
    /// <exception cref="InvalidInputException">It is of another type or shape, or larger than the capacity.</exception>
    /// <inheritdoc cref="TypeOf" path="/exception"/>
    public void Write(string input, TensorBuffer tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        _enter(() => Find(input).Write(tensor));
    }

    /// <summary>A copy of the bytes of what the next run reads, as they are kept (<see cref="StateBinding.StoredElementType"/>): for another state with the same bindings.</summary>
    /// <remarks>Numbers are in the byte order of the machine. A row of <see cref="ElementType.Int8"/> has blocks of 32 numbers, the last one what is left: a scale (bfloat16), then as many integers.</remarks>
    /// <inheritdoc cref="TypeOf"/>
    public byte[] ReadStored(string input) => Enter(() => Find(input).ReadStored());

    /// <summary>How many bytes <see cref="ReadStored"/> gives for a tensor of a shape.</summary>
    /// <param name="input">The name of the input.</param>
    /// <param name="shape">The shape.</param>
    /// <exception cref="OverflowException">There are more bytes than 63 bits can count.</exception>
    /// <inheritdoc cref="TypeOf" path="/exception"/>
    public long StoredLength(string input, Shape shape) => Enter(() => Find(input) is var tensor ? (tensor.Type with { Shape = shape }).ByteLength : 0);

    /// <summary>Sets what the next run reads to bytes that <see cref="ReadStored"/> gave.</summary>
    /// <param name="input">The name of the input.</param>
    /// <param name="shape">The shape of the tensor.</param>
    /// <param name="bytes">Its bytes, which are copied.</param>
    /// <exception cref="InvalidInputException">The shape is another, or larger than the capacity, or has another number of bytes.</exception>
    /// <inheritdoc cref="TypeOf" path="/exception"/>
    public void WriteStored(string input, Shape shape, ReadOnlyMemory<byte> bytes) => _enter(() => Find(input).WriteStored(shape, bytes.Span));

    /// <summary>Shortens every tensor that grows to the first entries along its axis, so that the next run goes on from there.</summary>
    /// <param name="length">How many entries stay; shorter tensors stay as they are.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    /// <exception cref="ObjectDisposedException">The state or its session was disposed.</exception>
    public void Truncate(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _enter(() =>
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            Array.ForEach(_tensors, tensor => tensor.Truncate(length));
        });
    }

    /// <summary>Goes back to the start: zeros, and no entries along an axis that grows unless the binding's shape has some.</summary>
    /// <exception cref="ObjectDisposedException">The state or its session was disposed.</exception>
    public void Reset()
    {
        _enter(() =>
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            Array.ForEach(_tensors, tensor => tensor.Reset());
        });
    }

    /// <summary>Frees the memory. A run that uses the state is waited for.</summary>
    public void Dispose() => _disposed(this);

    /// <summary>Frees the memory.</summary>
    internal void Free()
    {
        if (!IsDisposed)
        {
            IsDisposed = true;
            Array.ForEach(_tensors, tensor => tensor.Dispose());
        }
    }

    /// <summary>The inputs of the next run, with the types that the model declares.</summary>
    internal IEnumerable<(Value Input, TensorType Type)> Types => _tensors.Select(tensor => (tensor.Input, tensor.Layout.Declared(tensor.Type)));

    /// <summary>The inputs of the next run, as they are stored.</summary>
    internal IEnumerable<(Value Input, LiveTensor Tensor)> Current => _tensors.Select(tensor => (tensor.Input, tensor.Current));

    /// <summary>Arranges the tensors as a plan reads them.</summary>
    /// <param name="isExtended">Whether the plan extends a tensor where it is.</param>
    internal void Arrange(Func<StateLayout, bool> isExtended) => Array.ForEach(_tensors, tensor => tensor.Arrange(isExtended(tensor.Layout)));

    /// <summary>The memory for an output that is bound; null if it is not, or is not made as it is stored.</summary>
    /// <exception cref="InvalidInputException">The tensor is larger than the capacity, or of another shape than can be read next.</exception>
    internal LiveTensor? TakeOutput(Value output, TensorType type) => Array.Find(_tensors, tensor => tensor.Output == output)?.Next(type);

    /// <summary>Makes what a run has computed what the next one reads: all of it, or nothing.</summary>
    /// <param name="result">The tensor of a bound output.</param>
    /// <exception cref="InvalidInputException">One is larger than the capacity, or of another shape than can be read next.</exception>
    internal void Exchange(Func<Value, LiveTensor> result)
    {
        foreach (StateTensor tensor in _tensors)
        {
            tensor.Next(result(tensor.Output).Type);
        }

        foreach (StateTensor tensor in _tensors)
        {
            tensor.Exchange(result(tensor.Output));
        }

        // One tensor's result may be what another one's was before.
        Array.ForEach(_tensors, tensor => tensor.Slide());
    }

    private T Enter<T>(Func<T> function)
    {
        T result = default!;
        _enter(() => result = function());
        return result;
    }

    private StateTensor Find(string input)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        return Array.Find(_tensors, tensor => tensor.Input.Name == input) ??
            throw new ArgumentException($"'{input}' is not a part of the state. It has: {string.Join(", ", Inputs)}.", nameof(input));
    }
}
