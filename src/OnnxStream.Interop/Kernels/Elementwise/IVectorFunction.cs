namespace OnnxStream.Interop.Kernels;

/// <summary>A function of one number in single precision, computed for a whole vector. Its fields hold its parameters.</summary>
internal interface IVectorFunction
{
    /// <summary>Numbers larger than this, and what is no number, are computed one by one (<see cref="InvokeOne"/>); infinity if all are computed as vectors.</summary>
    static virtual float Limit => float.PositiveInfinity;

    /// <summary>The function.</summary>
    TVector Invoke<TVector>(TVector x)
        where TVector : unmanaged, IFloatVector<TVector>;

    /// <summary>The function of a number above <see cref="Limit"/>.</summary>
    static virtual float InvokeOne(float x) => throw new NotSupportedException();
}
