namespace OnnxStream.Interop.Language.Grammars;

/// <summary>A grammar or a JSON schema is not what it should be, asks for something that is not supported, or has become too large.</summary>
/// <param name="message">Where it is wrong, and what to do.</param>
/// <param name="innerException">What led to it.</param>
public sealed class GrammarException(string message, Exception? innerException = null) : ArgumentException(message, innerException);
