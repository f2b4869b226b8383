namespace OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

/// <summary>What becomes of the places where a pattern divides a text.</summary>
internal enum SplitBehavior
{
    /// <summary>They go.</summary>
    Removed,

    /// <summary>They are pieces.</summary>
    Isolated,

    /// <summary>They belong to the piece before them.</summary>
    MergedWithPrevious,

    /// <summary>They belong to the piece behind them.</summary>
    MergedWithNext,

    /// <summary>Neighbours among them are one piece.</summary>
    Contiguous,
}
