namespace OnnxStream.Interop.Kernels;

/// <summary>Rounds rows of single precision to a format of storage, or expands such rows.</summary>
/// <param name="types">How the rows lie in memory before and after it; one of both is single precision.</param>
/// <param name="rows">How many rows there are.</param>
/// <param name="columns">The numbers of each.</param>
internal sealed unsafe class RowStorageKernel(StorageTypes types, long rows, int columns) : RowKernel(rows, (long)columns * sizeof(float))
{
    /// <inheritdoc/>
    public override string Name => types.Rounds ? "round rows" : "expand rows";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        byte* source = context.Input(0) + first * types.Data.Bytes(columns);
        byte* destination = context.Output(0) + first * types.Results.Bytes(columns);
        if (types.Rounds)
        {
            types.Results.RoundRows((float*)source, destination, end - first, columns, types.Results.Bytes(columns));
        }
        else
        {
            types.Data.ExpandRows(source, (float*)destination, end - first, columns);
        }
    }
}
