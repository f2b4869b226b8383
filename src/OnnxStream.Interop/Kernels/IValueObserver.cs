namespace OnnxStream.Interop.Kernels;

/// <summary>Looks at the elements of a value while a model runs, such as to find out their range.</summary>
internal interface IValueObserver
{
    /// <summary>Looks at some of the elements. Called from several threads at once, for parts in no order, each element once.</summary>
    void Observe(ReadOnlySpan<float> elements);
}
