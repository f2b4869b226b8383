namespace OnnxStream.Interop.Speech;

/// <summary>A text that is being written: its keys and values.</summary>
internal sealed class WhisperText(InferenceSession session, SessionState state, Dictionary<string, TensorBuffer> inputs, string ids, string logits) : IDisposable
{
    private readonly TensorBuffer _token = TensorBuffer.Create<long>([0], 1, 1);

    /// <summary>Reads one more token.</summary>
    /// <returns>The scores of what comes behind it.</returns>
    public ReadOnlySpan<float> Read(int token, CancellationToken cancellationToken)
    {
        _token.Span<long>()[0] = token;
        inputs[ids] = _token;
        return session.Run(inputs, state, options: null, cancellationToken)[logits].Span<float>();
    }

    /// <inheritdoc/>
    public void Dispose() => state.Dispose();
}
