using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Planning;

/// <summary>Runs a plan for some rows of its inputs after the other: what lies between input and output exists for one tile of rows at a time.</summary>
/// <remarks>The weights of the plan are streamed once for each tile. What is stored in another format around the plan is single precision in it.</remarks>
internal sealed unsafe class RowTilesKernel : Kernel
{
    private readonly int _tiles;
    private readonly ExecutionPlan _plan;
    private readonly NativeBuffer _constants;
    private StepRunner? _runner;

    /// <summary>Takes a plan over.</summary>
    /// <param name="plan">The plan of one tile.</param>
    /// <param name="tiles">The number of tiles.</param>
    public RowTilesKernel(ExecutionPlan plan, int tiles)
    {
        _plan = plan;
        _tiles = tiles;
        _constants = new NativeBuffer(plan.ConstantBytes);
        foreach (PlanBuffer buffer in plan.Constants)
        {
            buffer.Constant!.Data.CopyTo(new Span<byte>(_constants.Pointer + buffer.Offset, buffer.Constant.Data!.Length));
        }
    }

    /// <inheritdoc/>
    public override string Name => $"{_tiles} tiles of {string.Join(", ", _plan.Steps.Select(step => step.Kernel.Name))}";

    /// <inheritdoc/>
    public override long Flops => _tiles * _plan.Steps.Sum(step => step.Kernel.Flops);

    /// <inheritdoc/>
    public override IEnumerable<IPanelLayer> PanelLayers => _plan.Steps.SelectMany(step => step.Kernel.PanelLayers);

    /// <inheritdoc/>
    public override long ScratchBytes => _plan.ArenaBytes;

    /// <inheritdoc/>
    public override long RunBytes => _plan.RunBytes;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> StreamedWeights => [.. Enumerable.Repeat(_plan.WeightSchedule, _tiles).SelectMany(schedule => schedule)];

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> PartlyReadWeights => [.. _plan.PartlyReadWeights.Select(part => part.Range)];

    /// <inheritdoc/>
    public override long WeightsInUse(WeightMeasure measure) => Planner.WeightsInUse(_plan.Steps, measure);

    /// <inheritdoc/>
    public override void Run(KernelContext context) => RunSets([context]);

    /// <inheritdoc/>
    public override void RunSets(KernelContext[] sets)
    {
        ExecutionPlan plan = _plan;
        KernelContext first = sets[0];
        _runner ??= new StepRunner(first.Weights);
        if (_runner.Sets.Count != sets.Length)
        {
            _runner.Sets = [.. sets.Select(set => new StepSet(new KernelContext(set.Workers, set.Weights)))];
        }

        _runner.Constants = _constants.Pointer;
        _runner.FirstPart = first.FirstPart;
        for (int i = 0; i < sets.Length; i++)
        {
            _runner.Sets[i].Arena = sets[i].Scratch;
            _runner.Sets[i].Context.CancellationToken = sets[i].CancellationToken;
        }

        for (int tile = 0; tile < _tiles; tile++)
        {
            first.CancellationToken.ThrowIfCancellationRequested();
            _runner.FirstWeight = first.FirstWeight + tile * plan.WeightSchedule.Count;
            for (int i = 0; i < plan.Inputs.Count; i++)
            {
                for (int set = 0; set < sets.Length; set++)
                {
                    CopyIn(sets[set], _runner.Sets[set], i, tile);
                }
            }

            foreach (Step step in plan.Steps)
            {
                _runner.Run(step);
            }

            for (int set = 0; set < sets.Length; set++)
            {
                CopyOut(sets[set], _runner.Sets[set], plan.Outputs[0], tile);
            }
        }
    }

    private void CopyIn(KernelContext context, StepSet set, int index, int tile)
    {
        PlanTensor input = _plan.Inputs[index];
        ElementType stored = context.Call.Inputs[index].ElementType;
        long bytes = (input.Type with { ElementType = stored }).ByteLength;
        byte* source = context.Input(index) + tile * bytes;
        if (stored != input.ElementType)
        {
            RowFormat.Of(stored).ExpandRows(source, (float*)_runner!.Address(input, set), Rows(input), Columns(input));
        }
        else
        {
            Buffer.MemoryCopy(source, _runner!.Address(input, set), bytes, bytes);
        }
    }

    private void CopyOut(KernelContext context, StepSet set, PlanTensor output, int tile)
    {
        ElementType stored = context.Call.Outputs[0].ElementType;
        long bytes = (output.Type with { ElementType = stored }).ByteLength;
        byte* destination = context.Output(0) + tile * bytes;
        if (stored != output.ElementType)
        {
            RowFormat format = RowFormat.Of(stored);
            format.RoundRows((float*)_runner!.Address(output, set), destination, Rows(output), Columns(output), format.Bytes(Columns(output)));
        }
        else
        {
            Buffer.MemoryCopy(_runner!.Address(output, set), destination, bytes, bytes);
        }
    }

    private static int Columns(PlanTensor tensor) => checked((int)tensor.Shape[^1]);

    private static long Rows(PlanTensor tensor) => tensor.Shape.Product(0, tensor.Shape.Rank - 1);

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => _plan.Inputs[input].Type == _plan.Outputs[0].Type;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _plan.Dispose();
        _constants.Dispose();
        base.Dispose(disposing);
    }
}
