namespace OnnxStream.Interop.Panels;

/// <summary>How a kernel brings in the weights that its step streams.</summary>
internal unsafe interface IWeightAccess
{
    /// <summary>Brings in the <paramref name="index"/>-th range that the kernel streams. Callable from any thread.</summary>
    /// <exception cref="WeightsException">It cannot be read.</exception>
    byte* AcquireWeight(int index);

    /// <summary>Gives it back.</summary>
    void ReleaseWeight(int index);

    /// <summary>Says that the run does not need it.</summary>
    void SkipWeight(int index);
}
