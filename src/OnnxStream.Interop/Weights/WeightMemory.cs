namespace OnnxStream.Interop.Weights;

/// <summary>The memory that weights take while a plan runs.</summary>
/// <param name="BufferBytes">Buffers for all threads that ranges are copied into (<see cref="WeightBuffers"/>).</param>
/// <param name="AreaBytes">What steps hold at once of ranges that are read, beside those buffers (<see cref="WeightArea"/>).</param>
/// <param name="MappedBytes">What is resident at once of mapped files (<see cref="MappedBlocks"/>).</param>
internal readonly record struct WeightMemory(long BufferBytes, long AreaBytes, long MappedBytes)
{
    /// <summary>What is held at once beside buffers.</summary>
    public long InUseBytes => WeightArea.TotalBytes(AreaBytes) + MappedBytes;
}
