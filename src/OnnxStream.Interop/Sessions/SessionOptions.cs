using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop;

/// <summary>How a session computes. Immutable: derive variants with <c>with</c>.</summary>
public sealed record SessionOptions
{
    /// <summary>The most threads that a session may be asked to compute with (1,024).</summary>
    public const int MostThreads = WorkerPool.MostThreads;

    /// <summary>The number of threads that compute, this one included; 0 (the default) means one for each processor. At most <see cref="MostThreads"/>. Where the system refuses some of them, the others compute, and the logger is told.</summary>
    public int ThreadCount { get; init; }

    /// <summary>
    /// Where weights come from; null (the default) means <see cref="WeightsProvider.DiskPrefetch"/> with its default window.
    /// A provider that is given here stays the caller's to dispose, and may serve several sessions at once.
    /// </summary>
    public WeightsProvider? WeightsProvider { get; init; }

    /// <summary>Whether packed weights are kept in a file for the next run.</summary>
    public PanelStoreOptions PanelStore { get; init; } = PanelStoreOptions.Off;

    /// <summary>
    /// The most bytes that the session may hold at once; null (the default) for the fastest plan. Counted are its tensors, those between the parts of a
    /// graph included, scratch memory and constants, XNNPACK's operators, weights that are read ahead or in use, and plans that are kept. The tensors
    /// that a run takes and returns and .NET's own memory are not. A budget that cannot be met is refused before anything is computed; where only data
    /// tells what is needed (<see cref="PlanPart.Unknown"/>), when that is known.
    /// </summary>
    public long? MemoryBudget { get; init; }

    /// <summary>
    /// The most bytes of packed weights that stay in memory from run to run where no panel store is used: 32 MiB unless told otherwise, 0 for
    /// none. They stay only where all of a plan's fit, and give way where <see cref="MemoryBudget"/> has no room for them.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public long KeptPanelBytes
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The bytes of packed weights to keep must not be negative.");
    } = KeptPanels.DefaultLimitBytes;

    /// <summary>
    /// The type in which large activations are stored between steps: <see cref="ElementType.Float32"/> (the default, exact), or
    /// <see cref="ElementType.Float16"/>, which takes half the memory where operators allow it, or <see cref="ElementType.Int8"/>, which takes a
    /// little more than a quarter: blocks of 32 numbers share a scale. Computed is in single precision either way, but results lose digits. In
    /// float16, what is beyond ±65504 becomes infinite. A model whose own activations are float16 is stored as that at most.
    /// </summary>
    /// <exception cref="ArgumentException">It is another type.</exception>
    public ElementType ActivationElementType
    {
        get;
        init => field = RowFormat.Asked(value) is not null ? value : throw new ArgumentException($"Activations cannot be stored as {value}: Float32, Float16 and Int8 are possible.", nameof(value));
    } = ElementType.Float32;

    /// <summary>
    /// Whether the session is only there to be asked for its <see cref="InferenceSession.Plan"/>: it reserves no memory for tensors,
    /// makes no panel store (the plan is that with the store) and cannot run.
    /// </summary>
    public bool PlanOnly { get; init; }

    /// <summary>
    /// Names of the outputs that a run returns; null (the default) for all of the model's. What only others need is neither computed nor planned, and may
    /// have operators that are not supported. Outputs that are bound to inputs (<see cref="StateBindings"/>) are computed in any case.
    /// </summary>
    public IReadOnlyList<string>? Outputs { get; init; }

    /// <summary>Names of intermediate values that a run returns in addition to the model's outputs.</summary>
    public IReadOnlyList<string> AdditionalOutputs { get; init; } = [];

    /// <summary>The outputs that are inputs of the next run. Where there are any, a run needs a state (<see cref="InferenceSession.CreateState"/>).</summary>
    public IReadOnlyList<StateBinding> StateBindings { get; init; } = [];

    /// <summary>Where the session reports what it does; null for nowhere.</summary>
    public ILogger? Logger { get; init; }

    /// <summary>Whether the graph is rewritten for speed; off only in tests, which compare both ways.</summary>
    internal bool RewriteGraph { get; init; } = true;
}
