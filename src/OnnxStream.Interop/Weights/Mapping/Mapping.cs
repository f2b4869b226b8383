namespace OnnxStream.Interop.Weights;

/// <summary>What a stream uses where it lies in a mapped file, instead of reading it.</summary>
internal enum Mapping
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Panels of a store, where nobody can change the file unnoticed (<see cref="Native.FileLease"/>).</summary>
    Panels,

    /// <summary>Everything.</summary>
    Files,
}
