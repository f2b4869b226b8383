namespace OnnxStream.Interop.Weights;

/// <summary>The kind of memory that a range takes while it is held.</summary>
internal enum WeightPlace
{
    /// <summary>The memory for what is in use, beside the buffers (<see cref="WeightArea"/>).</summary>
    Area,

    /// <summary>A mapped file (<see cref="MappedBlocks"/>).</summary>
    Mapped,

    /// <summary>Memory of its own, which also holds what is read ahead (<see cref="SlotChannel"/>).</summary>
    Slot,
}
