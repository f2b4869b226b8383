namespace OnnxStream.Interop.Panels;

/// <summary>What came of writing the panels that a store lacks.</summary>
internal enum PackingOutcome
{
    /// <summary>Nothing is missing any more.</summary>
    Complete,

    /// <summary>Somebody else has written a file of the same store meanwhile: the plan must be made again with it.</summary>
    WrittenByOthers,

    /// <summary>The store cannot be written, and nobody asked for it by its path: the plan must be made without.</summary>
    Refused,
}
