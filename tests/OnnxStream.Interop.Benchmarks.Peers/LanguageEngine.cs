namespace OnnxStream.Interop.Benchmarks.Peers;

/// <summary>An engine that scores what follows a text.</summary>
internal abstract class LanguageEngine : IDisposable
{
    /// <summary>How many tokens there are.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Begins another text with a prompt.</summary>
    /// <param name="tokens">Its tokens.</param>
    public abstract void Begin(int[] tokens);

    /// <summary>Goes on by one token: the most likely one.</summary>
    public abstract void Next();

    /// <inheritdoc/>
    public abstract void Dispose();
}
