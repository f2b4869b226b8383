namespace OnnxStream.Interop.Weights;

/// <summary>The way on which a stream brings a range in.</summary>
internal enum WeightRoute
{
    /// <summary>A local file that the library opens: read into memory for what is in use (<see cref="ReadMemory"/>), or mapped (<see cref="FileChannel"/>).</summary>
    File,

    /// <summary>Memory for each range, filled ahead of use by the provider's <see cref="WeightsProvider.Read"/> (<see cref="SlotChannel"/>).</summary>
    Slot,

    /// <summary>Memory for what is in use, filled by a reader of the provider's that reads ahead by itself (<see cref="ReaderChannel"/>).</summary>
    Reader,
}
