namespace OnnxStream.Interop.Embeddings;

/// <summary>How the hidden states of a text's tokens become one vector.</summary>
public enum EmbeddingPooling
{
    /// <summary>The mean over all tokens, special ones included, padding excluded (MiniLM, GTE, E5).</summary>
    Mean,

    /// <summary>The state of the first token, <c>[CLS]</c> (BGE, Arctic).</summary>
    Cls,
}
