namespace OnnxStream.Interop.Sessions;

/// <summary>Where tensors between the parts of a graph come from.</summary>
internal interface ITensorMemory
{
    /// <summary>Makes a tensor of one owner; its elements are anything.</summary>
    /// <exception cref="NativeMemoryException">The operating system refuses.</exception>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    LiveTensor Take(TensorType type);

    /// <summary>Makes a tensor of one owner that leaves the run: in managed memory, which no budget counts.</summary>
    LiveTensor TakeOutput(TensorType type);

    /// <summary>Takes a tensor back that nobody owns any more.</summary>
    void Return(LiveTensor tensor);
}
