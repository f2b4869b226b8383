namespace OnnxStream.Interop.Language.Templates;

/// <summary>How a part of a template ends: behind its last statement, or with <c>break</c> or <c>continue</c>.</summary>
internal enum LoopExit
{
    /// <summary>Behind its last statement.</summary>
    None,

    /// <summary>The loop goes on with its next element.</summary>
    Continue,

    /// <summary>The loop ends.</summary>
    Break,
}
