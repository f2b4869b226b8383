namespace OnnxStream.Interop.Sessions;

/// <summary>What a value of a graph is during a part of a run: a tensor, a sequence of tensors, or an optional value without content.</summary>
/// <remarks>It has as many owners as there are values that it is, or sequences that it is in. Owners are counted on the thread that runs.</remarks>
internal abstract class LiveValue
{
    /// <summary>How many values it is.</summary>
    public int Owners { get; protected set; } = 1;

    /// <summary>The native bytes that are free when its last owner lets it go.</summary>
    public abstract long NativeBytes { get; }

    /// <summary>The tensors that it is made of.</summary>
    public abstract IReadOnlyList<LiveTensor> Tensors { get; }

    /// <summary>What it is, for messages.</summary>
    public abstract string Description { get; }

    /// <summary>Adds an owner.</summary>
    public virtual LiveValue Retain()
    {
        Owners++;
        return this;
    }

    /// <summary>Takes an owner away.</summary>
    public void Release()
    {
        if (--Owners == 0)
        {
            Free();
        }
    }

    /// <summary>A value that is only planned, with as many owners, that goes its own way from here on.</summary>
    /// <param name="memory">Takes its tensors back when they have no owner.</param>
    /// <param name="forks">The tensors that have been forked before: one that is in several values stays one.</param>
    public abstract LiveValue Fork(ITensorMemory memory, Dictionary<LiveTensor, LiveTensor> forks);

    /// <summary>Whether another value has the same kind and types.</summary>
    public abstract bool IsLike(LiveValue other);

    /// <summary>The value for a caller; null for none.</summary>
    public abstract OnnxValue? ToOnnxValue();

    /// <summary>Gives its memory back.</summary>
    protected abstract void Free();
}
