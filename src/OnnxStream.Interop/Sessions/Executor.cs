using System.Diagnostics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Sessions;

/// <summary>Runs a plan, step by step, for one set of inputs or for several: each has an arena of its own, and weights are brought in once for all. Owns the memory that running the plan takes; the plan is somebody else's.</summary>
internal sealed unsafe class Executor : IDisposable
{
    private readonly ExecutionPlan _plan;
    private readonly WorkerPool _workers;
    private readonly List<NativeBuffer> _arenas = [];
    private readonly NativeBuffer _constants;
    private readonly WeightStream _weights;
    private readonly StepRunner _runner;
    private readonly List<Dictionary<PlanTensor, Shape>> _foundShapes = [];
    private readonly TensorCopier _copier;
    private int _version;

    /// <summary>Reserves memory for the plan, and opens its weights. All of it is charged to the plan's account.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="provider">Where weights come from.</param>
    /// <param name="weights">The memory that weights may take.</param>
    /// <param name="windowBytes">How many bytes of weights may be read ahead.</param>
    /// <param name="sets">The sets of inputs in a run.</param>
    public Executor(ExecutionPlan plan, WorkerPool workers, WeightsProvider provider, WeightMemory weights, long windowBytes, int sets = 1)
    {
        _plan = plan;
        _workers = workers;
        using MemoryAccount.Scope scope = MemoryAccount.Enter(plan.Account);
        try
        {
            _weights = provider.OpenStream(plan.WeightSchedule, plan.PartlyReadWeights, windowBytes, workers.WorkerCount, weights);
            _constants = new NativeBuffer(plan.ConstantBytes);
            _copier = new TensorCopier(workers);
            CopyConstants(plan.Constants.Select(buffer => (buffer, buffer.Constant!.Data!)));
            _runner = new StepRunner(_weights) { Constants = _constants.Pointer };
            Resize(sets);
        }
        catch
        {
            _arenas.ForEach(arena => arena.Dispose());
            _constants?.Dispose();
            _weights?.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of weights that the last run asked for.</summary>
    public long WeightsBytesStreamed => _weights.BytesStreamed;

    /// <summary>Has memory for so many sets of inputs, and for no more.</summary>
    /// <exception cref="NativeMemoryException">The operating system refuses it.</exception>
    public void Resize(int sets)
    {
        if (_arenas.Count == sets)
        {
            return;
        }

        using MemoryAccount.Scope scope = MemoryAccount.Enter(_plan.Account);
        while (_arenas.Count > sets)
        {
            _arenas[^1].Dispose();
            _arenas.RemoveAt(_arenas.Count - 1);
            _foundShapes.RemoveAt(_foundShapes.Count - 1);
        }

        while (_arenas.Count < sets)
        {
            _arenas.Add(new NativeBuffer(_plan.ArenaBytes));
            _foundShapes.Add([]);
        }

        _runner.Sets = [.. _arenas.Select(arena => new StepSet(new KernelContext(_workers, _weights)) { Arena = arena.Pointer, External = new nint[_plan.Inputs.Count + _plan.Outputs.Count] })];
    }

    /// <summary>Computes the outputs of each set, one tensor for each output of the plan.</summary>
    /// <param name="sets">As many sets of inputs as there is memory for.</param>
    /// <param name="progress">Receives a report before each step.</param>
    /// <param name="trace">Receives what each step took, for all sets; null for none.</param>
    /// <param name="cancellationToken">Stops between two steps.</param>
    public LiveTensor[][] Run(ExecutorSet[] sets, IProgress<RunProgress>? progress, RunTrace? trace, CancellationToken cancellationToken)
    {
        using MemoryAccount.Scope scope = MemoryAccount.Enter(_plan.Account);
        if (_plan.Growing is { } growing && growing.Version != _version)
        {
            CopyConstants(growing.Constants);
            _version = growing.Version;
        }

        LiveTensor?[][] placed = new LiveTensor?[sets.Length][];
        for (int i = 0; i < sets.Length; i++)
        {
            _foundShapes[i].Clear();
            _runner.Sets[i].Context.CancellationToken = cancellationToken;
            placed[i] = Begin(sets[i], _runner.Sets[i]);
        }

        _weights.BeginRun();
        try
        {
            for (int i = 0; i < _plan.Steps.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Step step = _plan.Steps[i];
                progress?.Report(new RunProgress(i, _plan.Steps.Count, step.NodeName));
                long start = Stopwatch.GetTimestamp();
                long streamed = _weights.BytesStreamed;
                RunStep(step);
                trace?.Add(step, start, Stopwatch.GetTimestamp(), _weights.BytesStreamed - streamed, sets.Length);
            }

            progress?.Report(new RunProgress(_plan.Steps.Count, _plan.Steps.Count, ""));
            LiveTensor[][] outputs = CopyOutputs(sets, placed);
            _weights.CheckUnchanged();
            return outputs;
        }
        finally
        {
            _weights.EndRun();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            _weights.Dispose();
        }
        finally
        {
            _arenas.ForEach(arena => arena.Dispose());
            _constants.Dispose();
        }
    }

    // Brings the inputs of a set into its memory. What comes back are the outputs that are written where they will stay.
    private LiveTensor?[] Begin(ExecutorSet set, StepSet memory)
    {
        for (int i = 0; i < set.Inputs.Count; i++)
        {
            if (_plan.IsExternalInput(i))
            {
                memory.External[i] = (nint)set.Inputs[i].Block!.Pointer;
            }
            else if (_plan.Inputs[i].Buffer.LastStep >= 0)
            {
                fixed (byte* bytes = set.Inputs[i].Bytes)
                {
                    _copier.Copy(bytes, _runner.Address(_plan.Inputs[i], memory), set.Inputs[i].Bytes.Length);
                }
            }
        }

        LiveTensor?[] placed = new LiveTensor?[_plan.Outputs.Count];
        for (int i = 0; i < placed.Length; i++)
        {
            if (_plan.IsExternalOutput(i))
            {
                placed[i] = set.Create(i, _plan.Outputs[i].Type);
                memory.External[_plan.Inputs.Count + i] = (nint)placed[i]!.Block!.Pointer;
            }
        }

        set.InputsTaken();
        return placed;
    }

    private void CopyConstants(IEnumerable<(PlanBuffer Buffer, byte[] Data)> constants)
    {
        foreach ((PlanBuffer buffer, byte[] data) in constants)
        {
            data.CopyTo(new Span<byte>(_constants.Pointer + buffer.Offset, data.Length));
        }
    }

    private void RunStep(Step step)
    {
        _runner.Run(step);
        for (int i = 0; i < _foundShapes.Count; i++)
        {
            foreach ((int output, Shape shape) in _runner.Sets[i].Context.FoundShapes)
            {
                _foundShapes[i][step.Outputs[output]] = shape;
            }
        }
    }

    private LiveTensor[][] CopyOutputs(ExecutorSet[] sets, LiveTensor?[][] placed)
    {
        LiveTensor[][] outputs = Array.ConvertAll(sets, _ => new LiveTensor[_plan.Outputs.Count]);
        int weight = _plan.WeightSchedule.Count - _plan.Outputs.Count(output => output.Buffer.Constant?.Location is not null);
        for (int i = 0; i < _plan.Outputs.Count; i++)
        {
            PlanTensor tensor = _plan.Outputs[i];
            bool isWeight = tensor.Buffer.Constant?.Location is not null;
            byte* acquired = isWeight ? _weights.Acquire(weight) + tensor.Offset : null;
            for (int set = 0; set < sets.Length; set++)
            {
                outputs[set][i] = placed[set][i] ?? CopyOutput(i, set, sets[set], isWeight ? acquired : _runner.Address(tensor, _runner.Sets[set]));
            }

            if (isWeight)
            {
                _weights.Release(weight++);
            }
        }

        return outputs;
    }

    private LiveTensor CopyOutput(int index, int set, ExecutorSet target, byte* source)
    {
        PlanTensor tensor = _plan.Outputs[index];
        LiveTensor output = target.Create(index, new TensorType(tensor.ElementType, _foundShapes[set].GetValueOrDefault(tensor, tensor.Shape)));
        if (tensor.Buffer.Constant is { Location: not null, IsConverted: true } constant)
        {
            WeightElements.Convert(constant, source, output.Bytes);
            return output;
        }

        fixed (byte* bytes = output.Bytes)
        {
            _copier.Copy(source, bytes, output.Bytes.Length);
        }

        return output;
    }
}
