namespace OnnxStream.Interop.Language.Templates;

/// <summary>A chat template refuses the messages that it was given, or cannot do with them what it wants to.</summary>
/// <param name="message">What the template says, or what failed.</param>
/// <param name="innerException">What led to it.</param>
public sealed class ChatTemplateException(string message, Exception? innerException = null) : ArgumentException(message, innerException);
