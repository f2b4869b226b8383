namespace OnnxStream.Interop.Sessions;

/// <summary>A sequence of tensors that exists for a part of a run. It owns its tensors, which may be in several sequences, and several times in one.</summary>
/// <param name="elementType">The type of the elements of all tensors; undefined where nothing says so yet.</param>
/// <param name="tensors">The tensors, whose owner it becomes.</param>
internal sealed class LiveSequence(ElementType elementType, List<LiveTensor> tensors) : LiveValue
{
    private readonly List<LiveTensor> _tensors = tensors;

    /// <summary>The type of the elements of all tensors.</summary>
    public ElementType ElementType { get; } = elementType;

    /// <inheritdoc/>
    public override IReadOnlyList<LiveTensor> Tensors => _tensors;

    /// <summary>How many tensors there are.</summary>
    public int Count => _tensors.Count;

    /// <inheritdoc/>
    public override long NativeBytes => _tensors.Sum(tensor => tensor.Owners == 1 ? tensor.NativeBytes : 0);

    /// <inheritdoc/>
    public override string Description => $"a sequence of {Count:N0} {ElementType.ToOnnxName()} tensors";

    /// <summary>The same sequence with a tensor more. Lets this one go: if nobody else has it, it is changed where it is.</summary>
    /// <param name="place">Where it goes.</param>
    /// <param name="tensor">The tensor, whose owner the sequence becomes.</param>
    public LiveSequence Insert(int place, LiveTensor tensor)
    {
        LiveSequence own = Own(tensor.ElementType);
        own._tensors.Insert(place, tensor);
        return own;
    }

    /// <summary>The same sequence with a tensor less. Lets this one go: if nobody else has it, it is changed where it is.</summary>
    public LiveSequence RemoveAt(int place)
    {
        LiveSequence own = Own(ElementType);
        own._tensors[place].Release();
        own._tensors.RemoveAt(place);
        return own;
    }

    /// <inheritdoc/>
    public override LiveSequence Fork(ITensorMemory memory, Dictionary<LiveTensor, LiveTensor> forks) =>
        new(ElementType, [.. _tensors.Select(tensor => tensor.Fork(memory, forks))]) { Owners = Owners };

    /// <inheritdoc/>
    public override bool IsLike(LiveValue other) =>
        other is LiveSequence sequence && sequence.ElementType == ElementType && sequence._tensors.Select(tensor => tensor.Type).SequenceEqual(_tensors.Select(tensor => tensor.Type));

    /// <inheritdoc/>
    public override TensorSequence ToOnnxValue() => new(ElementType, _tensors.Select(tensor => tensor.ToOnnxValue()));

    /// <inheritdoc/>
    protected override void Free() => _tensors.ForEach(tensor => tensor.Release());

    private LiveSequence Own(ElementType elementType)
    {
        if (Owners == 1 && elementType == ElementType)
        {
            return this;
        }

        LiveSequence copy = new(elementType, [.. _tensors.Select(tensor => tensor.Retain())]);
        Release();
        return copy;
    }
}
