namespace OnnxStream.Interop.Weights;

/// <summary>The memory that weights take while a plan runs.</summary>
/// <param name="BufferBytes">Buffers for all threads that ranges are copied into (<see cref="WeightBuffers"/>).</param>
/// <param name="AreaBytes">What steps hold at once of ranges that are read, beside those buffers (<see cref="WeightArea"/>).</param>
/// <param name="MappedBytes">What is resident at once of mapped files (<see cref="MappedBlocks"/>).</param>
/// <param name="SlotBytes">What steps hold at once of ranges that are read ahead into memory of their own (<see cref="SlotChannel"/>); 0 if there are none.</param>
/// <param name="HoldsWindowBeside">Whether a reader of the provider's holds what it reads ahead beside all of this.</param>
internal readonly record struct WeightMemory(long BufferBytes, long AreaBytes, long MappedBytes, long SlotBytes = 0, bool HoldsWindowBeside = false)
{
    /// <summary>What is held at once beside buffers where nothing is read ahead.</summary>
    public long InUseBytes => WeightArea.TotalBytes(AreaBytes) + MappedBytes + SlotBytes;

    /// <summary>What is held at once beside buffers with a window of that many bytes. What is in use is a part of a window of slots.</summary>
    public long HeldBytes(long windowBytes) =>
        WeightArea.TotalBytes(AreaBytes) + MappedBytes + (SlotBytes > 0 ? Math.Max(SlotBytes, windowBytes) : 0) + (HoldsWindowBeside ? windowBytes : 0);

    /// <summary>The largest window up to <paramref name="wantedBytes"/> with which <see cref="HeldBytes"/> is not more than <paramref name="room"/>; 0 if there is none.</summary>
    public long LargestWindow(long wantedBytes, long room)
    {
        if (HeldBytes(wantedBytes) <= room || HeldBytes(wantedBytes) == InUseBytes)
        {
            return wantedBytes;
        }

        return InUseBytes > room ? 0 : Math.Min(wantedBytes, HoldsWindowBeside ? room - InUseBytes : room - WeightArea.TotalBytes(AreaBytes) - MappedBytes);
    }
}
