namespace OnnxStream.Interop.Tensors;

/// <summary>Where a number between two powers of two goes when it becomes float8e8m0.</summary>
internal enum ScaleRounding
{
    /// <summary>To the larger one.</summary>
    Up,

    /// <summary>To the smaller one.</summary>
    Down,

    /// <summary>To the nearer one, to the larger one from the middle.</summary>
    Nearest,
}
