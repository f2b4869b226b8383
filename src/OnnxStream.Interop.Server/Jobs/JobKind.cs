namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What a job makes.</summary>
public enum JobKind
{
    /// <summary>Pictures from text.</summary>
    Image,

    /// <summary>The next message of a conversation.</summary>
    Chat,

    /// <summary>What a text goes on with.</summary>
    Completion,

    /// <summary>Vectors of texts.</summary>
    Embedding,

    /// <summary>What is said in a sound.</summary>
    Transcription,
}
