namespace OnnxStream.Interop.Native;

/// <summary>Work that is split into numbered pieces.</summary>
internal interface IParallelBody
{
    /// <summary>Does piece <paramref name="index"/>; called from several threads at once, each index once.</summary>
    void Execute(int index);
}
