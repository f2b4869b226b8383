namespace OnnxStream.Interop.Speech;

/// <summary>What was written of 30 seconds.</summary>
/// <param name="Tokens">The tokens, without the end.</param>
/// <param name="Text">Their text.</param>
/// <param name="AverageLogProbability">The mean of the logarithms of their probabilities, the end's among them.</param>
/// <param name="NoSpeechProbability">How likely nobody speaks.</param>
/// <param name="CompressionRatio">How many times smaller the text becomes by compression.</param>
/// <param name="Temperature">The temperature that they were chosen with.</param>
internal sealed record WhisperWindow(IReadOnlyList<int> Tokens, string Text, float AverageLogProbability, float NoSpeechProbability, float CompressionRatio, float Temperature);
