namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>Kernels whose rate is measured, and a model of theirs.</summary>
/// <param name="Name">The name.</param>
/// <param name="Kernel">A part of the names of the kernels; at least one step must have it, else something else was measured.</param>
/// <param name="Limit">What the rate is compared with.</param>
/// <param name="Model">Makes the model, with a source of seeded random numbers.</param>
internal sealed record SpeedFamily(string Name, string Kernel, SpeedLimit Limit, Func<Random, SelfTestModel> Model)
{
    /// <summary>How weights are packed, as <c>--panel-type</c> says.</summary>
    public ElementType PanelType { get; init; } = ElementType.Float32;

    /// <summary>The bytes that the kernels must read and write at least, for families that memory limits.</summary>
    public long Bytes { get; init; }
}

/// <summary>What limits the rate of a kernel.</summary>
internal enum SpeedLimit
{
    /// <summary>Multiplications and additions in single precision, in registers.</summary>
    Arithmetic,

    /// <summary>Reading from memory.</summary>
    Memory,
}
