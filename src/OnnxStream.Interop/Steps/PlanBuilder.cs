using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Steps;

/// <summary>Collects the steps of a plan while nodes are lowered, and the tensors that they read and write.</summary>
internal class PlanBuilder(Graph graph, WorkerPool workers, StreamTraits traits, PanelSources panels, Func<PlanBuilder, Graph, int, Kernel> createTiles) : IDisposable
{
    private readonly Dictionary<Value, PlanTensor> _tensors = [];
    private readonly List<Step> _steps = [];
    private readonly List<PlanBuffer> _buffers = [];
    private readonly List<PlanTensor> _temporaries = [];
    private readonly HashSet<Value> _views = [];

    /// <summary>What is lowered.</summary>
    public Graph Graph { get; } = graph;

    /// <summary>The most bytes that one tensor may have.</summary>
    public long MostBytes { get; init; } = long.MaxValue;

    /// <summary>The account that the kernels are charged to, which the plan takes over; null where they are a part of another plan.</summary>
    public MemoryAccount? Account { get; init; }

    /// <summary>The threads that the plan will run on.</summary>
    public WorkerPool Workers { get; } = workers;

    /// <summary>How weights are brought in.</summary>
    public StreamTraits Traits { get; } = traits;

    /// <summary>Decides where the panels of weights come from.</summary>
    public PanelSources Panels { get; } = panels;

    /// <summary>Values that lie in the memory of others.</summary>
    public IReadOnlyDictionary<Value, ValuePlace> Places { get; init; } = new Dictionary<Value, ValuePlace>();

    /// <summary>The steps so far.</summary>
    public IReadOnlyList<Step> Steps => _steps;

    /// <summary>The buffers so far.</summary>
    public IReadOnlyList<PlanBuffer> Buffers => _buffers;

    /// <summary>The memory without a name so far.</summary>
    public IReadOnlyList<PlanTensor> Temporaries => _temporaries;

    /// <summary>The tensor that a value has already; null if it has none.</summary>
    public PlanTensor? FindTensor(Value value) => _tensors.GetValueOrDefault(value);

    /// <summary>Whether a value was made a part of other memory by <see cref="View"/>.</summary>
    public bool IsView(Value value) => _views.Contains(value);

    /// <summary>The tensor of a value; a buffer is made for it at the first call.</summary>
    public virtual PlanTensor Tensor(Value value)
    {
        if (!_tensors.TryGetValue(value, out PlanTensor? tensor))
        {
            TensorType type = value.Type!.Value;
            tensor = Places.TryGetValue(value, out ValuePlace place) ? At(value, place) : new PlanTensor(value.Name, type, NewBuffer(type.ByteLength, value.Constant));
            _tensors.Add(value, tensor);
        }

        return tensor;
    }

    /// <summary>Whether a value lies where its place in another is. It does not if its operator made it a view of something else.</summary>
    public bool IsInPlace(Value value) => Places.TryGetValue(value, out ValuePlace place) && Tensor(value).IsSameMemory(At(value, place));

    /// <summary>Memory without a name.</summary>
    public virtual PlanTensor Temporary(TensorType type)
    {
        PlanTensor tensor = new("", type, NewBuffer(type.ByteLength, null));
        _temporaries.Add(tensor);
        return tensor;
    }

    /// <summary>Makes a value the memory of <paramref name="source"/> from byte <paramref name="offset"/> on.</summary>
    public virtual void View(Value value, PlanTensor source, long offset)
    {
        _tensors.Add(value, source.View(value.Name, value.Type!.Value, offset));
        _views.Add(value);
    }

    /// <summary>Makes the kernel that computes a graph inside of a node in tiles of rows.</summary>
    /// <param name="body">The graph, for one tile.</param>
    /// <param name="tiles">The number of tiles.</param>
    public Kernel CreateTiles(Graph body, int tiles) => createTiles(this, body, tiles);

    /// <summary>Memory for two buffers that overlap.</summary>
    /// <param name="length">The bytes of both together.</param>
    public PlanBuffer Shared(long length)
    {
        PlanBuffer buffer = new(length) { IsShared = true };
        _buffers.Add(buffer);
        return buffer;
    }

    /// <summary>Gives each buffer memory of its own again, and drops those that were made for others.</summary>
    public void Separate()
    {
        _buffers.RemoveAll(buffer => buffer.IsShared);
        _buffers.ForEach(buffer => buffer.Separate());
    }

    /// <summary>Adds a step.</summary>
    public void Add(Step step) => _steps.Add(step);

    /// <summary>Reserves the scratch memory of all steps.</summary>
    public void ReserveScratch()
    {
        foreach (Step step in _steps)
        {
            if (step.Kernel.ScratchBytes > 0)
            {
                step.Scratch = NewBuffer(step.Kernel.ScratchBytes, null);
            }
        }
    }

    /// <summary>Frees what the kernels hold; what a plan made of the builder frees, too.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the kernels hold.</summary>
    protected virtual void Dispose(bool disposing)
    {
        foreach (Step step in _steps)
        {
            step.Kernel.Dispose();
        }

        Account?.Close();
    }

    private PlanTensor At(Value value, ValuePlace place)
    {
        TensorType type = value.Type!.Value;
        return place.IsStripe
            ? Tensor(place.Whole).Stripe(value.Name, type, place.FirstElement)
            : Tensor(place.Whole).View(value.Name, type, place.FirstElement * type.ElementType.SizeOf());
    }

    private PlanBuffer NewBuffer(long length, Constant? constant)
    {
        // Kernels that are made next may hold tables as long as a side of what they write.
        if (length > MostBytes)
        {
            throw new MemoryBudgetException(MostBytes, length, length);
        }

        PlanBuffer buffer = new(length, constant);
        _buffers.Add(buffer);
        return buffer;
    }
}
