using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Steps;

/// <summary>Lowers nodes of a plan again, for other shapes, into the memory that the plan has for them.</summary>
/// <param name="planned">What the plan was made of.</param>
/// <param name="overwritten">The constants that do not have the plan's bytes any more.</param>
/// <remarks>What does not fit there ends in a <see cref="PlanMismatchException"/>: whoever asked makes another plan.</remarks>
internal sealed class GrownPlanBuilder(PlanBuilder planned, IReadOnlySet<PlanBuffer> overwritten) : PlanBuilder(planned.Graph, planned.Workers, planned.Traits, planned.Panels, (_, _, _) => throw new PlanMismatchException())
{
    private readonly Dictionary<Value, PlanTensor> _tensors = [];
    private readonly List<(PlanBuffer, byte[])> _constants = [];
    private IReadOnlyList<PlanTensor> _free = [];
    private int _taken;

    /// <summary>The constants whose bytes are others than planned.</summary>
    public IReadOnlyList<(PlanBuffer Buffer, byte[] Data)> Constants => _constants;

    /// <summary>Turns to another node.</summary>
    /// <param name="temporaries">The memory without a name that the plan has for it.</param>
    public void Begin(IReadOnlyList<PlanTensor> temporaries) => (_free, _taken) = (temporaries, 0);

    /// <inheritdoc/>
    public override PlanTensor Tensor(Value value)
    {
        if (_tensors.TryGetValue(value, out PlanTensor? tensor))
        {
            return tensor;
        }

        tensor = planned.FindTensor(value) ?? throw new PlanMismatchException();
        if (tensor.Type != value.Type)
        {
            // A part of other memory is made again by the node before.
            Require(!planned.IsView(value) && tensor.StripeStride == 0 && tensor.Offset == 0);
            tensor = new PlanTensor(value.Name, value.Type!.Value, tensor.Buffer);
        }

        Require(tensor.Buffer.Constant?.Location == value.Constant?.Location && tensor.Type.ByteLength <= tensor.Buffer.Length);
        if (value.Constant is { Data: { } data } && (!ReferenceEquals(value.Constant, tensor.Buffer.Constant) || overwritten.Contains(tensor.Buffer)))
        {
            Require(tensor.Buffer.Constant?.Data is not null);
            _constants.Add((tensor.Buffer, data));
        }

        _tensors.Add(value, tensor);
        return tensor;
    }

    /// <inheritdoc/>
    public override PlanTensor Temporary(TensorType type)
    {
        Require(_taken < _free.Count && type.ByteLength <= _free[_taken].Buffer.Length);
        return new PlanTensor("", type, _free[_taken++].Buffer);
    }

    /// <inheritdoc/>
    public override void View(Value value, PlanTensor source, long offset)
    {
        PlanTensor before = planned.FindTensor(value) ?? throw new PlanMismatchException();
        PlanTensor tensor = source.View(value.Name, value.Type!.Value, offset);

        // What did not change its type is read by steps that stay.
        Require(planned.IsView(value) && before.Buffer == tensor.Buffer && tensor.Offset + tensor.Type.ByteLength <= tensor.Buffer.Length && (before.Type != tensor.Type || before.IsSameMemory(tensor)));
        _tensors[value] = tensor;
    }

    private static void Require(bool fits)
    {
        if (!fits)
        {
            throw new PlanMismatchException();
        }
    }
}
