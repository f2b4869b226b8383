using System.Diagnostics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Sessions;

/// <summary>Runs a plan, step by step. Owns the memory that running the plan takes; the plan is somebody else's.</summary>
internal sealed unsafe class Executor : IDisposable
{
    private readonly ExecutionPlan _plan;
    private readonly NativeBuffer _arena;
    private readonly NativeBuffer _constants;
    private readonly WeightStream _weights;
    private readonly StepRunner _runner;
    private readonly Dictionary<PlanTensor, Shape> _foundShapes = [];
    private readonly TensorCopier _copier;
    private readonly nint[] _external;
    private int _version;

    /// <summary>Reserves memory for the plan, and opens its weights. All of it is charged to the plan's account.</summary>
    public Executor(ExecutionPlan plan, WorkerPool workers, WeightsProvider provider, WeightMemory weights, long windowBytes)
    {
        _plan = plan;
        using MemoryAccount.Scope scope = MemoryAccount.Enter(plan.Account);
        try
        {
            _weights = provider.OpenStream(plan.WeightSchedule, plan.PartlyReadWeights, windowBytes, workers.WorkerCount, weights);
            _constants = new NativeBuffer(plan.ConstantBytes);
            _arena = new NativeBuffer(plan.ArenaBytes);
        }
        catch
        {
            _constants?.Dispose();
            _weights?.Dispose();
            throw;
        }

        _copier = new TensorCopier(workers);
        CopyConstants(plan.Constants.Select(buffer => (buffer, buffer.Constant!.Data!)));
        _external = new nint[plan.Inputs.Count + plan.Outputs.Count];
        _runner = new StepRunner(new KernelContext(workers, _weights), _weights) { Arena = _arena.Pointer, Constants = _constants.Pointer, External = _external };
    }

    /// <summary>The bytes of weights that the last run asked for.</summary>
    public long WeightsBytesStreamed => _weights.BytesStreamed;

    /// <summary>Computes the outputs.</summary>
    /// <param name="inputs">For each input of the plan, its bytes.</param>
    /// <param name="inputsTaken">Called when the inputs are not needed any more; null for nothing.</param>
    /// <param name="create">Makes the tensor for an output, before the first step if it is written where it will stay.</param>
    /// <param name="progress">Receives a report before each step.</param>
    /// <param name="trace">Receives what each step took; null for none.</param>
    /// <param name="cancellationToken">Stops between two steps.</param>
    public LiveTensor[] Run(
        IReadOnlyList<LiveTensor> inputs, Action? inputsTaken, Func<int, TensorType, LiveTensor> create, IProgress<RunProgress>? progress, RunTrace? trace, CancellationToken cancellationToken)
    {
        using MemoryAccount.Scope scope = MemoryAccount.Enter(_plan.Account);
        if (_plan.Growing is { } growing && growing.Version != _version)
        {
            CopyConstants(growing.Constants);
            _version = growing.Version;
        }

        _foundShapes.Clear();
        _runner.Context.CancellationToken = cancellationToken;
        for (int i = 0; i < inputs.Count; i++)
        {
            if (_plan.IsExternalInput(i))
            {
                _external[i] = (nint)inputs[i].Block!.Pointer;
            }
            else if (_plan.Inputs[i].Buffer.LastStep >= 0)
            {
                fixed (byte* bytes = inputs[i].Bytes)
                {
                    _copier.Copy(bytes, _runner.Address(_plan.Inputs[i]), inputs[i].Bytes.Length);
                }
            }
        }

        LiveTensor?[] placed = new LiveTensor?[_plan.Outputs.Count];
        for (int i = 0; i < placed.Length; i++)
        {
            if (_plan.IsExternalOutput(i))
            {
                placed[i] = create(i, _plan.Outputs[i].Type);
                _external[_plan.Inputs.Count + i] = (nint)placed[i]!.Block!.Pointer;
            }
        }

        inputsTaken?.Invoke();
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
                trace?.Add(step, start, Stopwatch.GetTimestamp(), _weights.BytesStreamed - streamed);
            }

            progress?.Report(new RunProgress(_plan.Steps.Count, _plan.Steps.Count, ""));
            LiveTensor[] outputs = CopyOutputs(placed, create);
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
            _arena.Dispose();
            _constants.Dispose();
        }
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
        foreach ((int output, Shape shape) in _runner.Context.FoundShapes)
        {
            _foundShapes[step.Outputs[output]] = shape;
        }
    }

    private LiveTensor[] CopyOutputs(LiveTensor?[] placed, Func<int, TensorType, LiveTensor> create)
    {
        LiveTensor[] outputs = new LiveTensor[_plan.Outputs.Count];
        int weight = _plan.WeightSchedule.Count - _plan.Outputs.Count(output => output.Buffer.Constant?.Location is not null);
        for (int i = 0; i < outputs.Length; i++)
        {
            if (placed[i] is { } inPlace)
            {
                outputs[i] = inPlace;
                continue;
            }

            PlanTensor tensor = _plan.Outputs[i];
            Shape shape = _foundShapes.GetValueOrDefault(tensor, tensor.Shape);
            LiveTensor output = create(i, new TensorType(tensor.ElementType, shape));
            Constant? constant = tensor.Buffer.Constant;
            byte* source = constant?.Location is null ? _runner.Address(tensor) : _weights.Acquire(weight) + tensor.Offset;
            if (constant is { Location: not null, IsConverted: true })
            {
                WeightElements.Convert(constant, source, output.Bytes);
            }
            else
            {
                fixed (byte* bytes = output.Bytes)
                {
                    _copier.Copy(source, bytes, output.Bytes.Length);
                }
            }

            if (constant?.Location is not null)
            {
                _weights.Release(weight++);
            }

            outputs[i] = output;
        }

        return outputs;
    }
}
