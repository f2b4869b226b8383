namespace OnnxStream.Interop.Fuzzing;

/// <summary>What became of one mutated file.</summary>
internal enum Outcome
{
    /// <summary>It was used as if nothing were wrong with it.</summary>
    Ran,

    /// <summary>It was refused with an exception of the documented family.</summary>
    Refused,

    /// <summary>It runs for longer than it is given, and stopped when it was told to.</summary>
    Stopped,

    /// <summary>A crash, a hang, another exception, memory that was left behind, or far too much of it.</summary>
    Failed,
}
