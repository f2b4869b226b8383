namespace OnnxStream.Interop.Language;

/// <summary>Why an answer ended.</summary>
public enum FinishReason
{
    /// <summary>It has not ended: it is still being made, was cancelled, or nobody asked for its next token.</summary>
    None,

    /// <summary>The model ended it with one of its end tokens.</summary>
    EndToken,

    /// <summary>It came to a stop string.</summary>
    StopString,

    /// <summary>It has as many tokens as were allowed, or the context is full.</summary>
    Length,

    /// <summary>It is whole by its grammar, and nothing may follow.</summary>
    Grammar,
}
