namespace OnnxStream.Interop.Language;

/// <summary>A prompt has more tokens than the context has room for.</summary>
public sealed class ContextLengthException : ArgumentException
{
    /// <summary>Says how long it is and how long it may be.</summary>
    /// <param name="tokenCount">The tokens of the prompt.</param>
    /// <param name="contextLength">The most that a conversation may have.</param>
    public ContextLengthException(int tokenCount, int contextLength)
        : base($"The prompt has {tokenCount:N0} tokens; the context holds {contextLength:N0}, of which one at least is for the answer. Shorten the prompt or the conversation, or open the model with a longer context if it was made for one.")
    {
        TokenCount = tokenCount;
        ContextLength = contextLength;
    }

    /// <summary>The tokens of the prompt.</summary>
    public int TokenCount { get; }

    /// <summary>The most tokens that a conversation may have.</summary>
    public int ContextLength { get; }
}
