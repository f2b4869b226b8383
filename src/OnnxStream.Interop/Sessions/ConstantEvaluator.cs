using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Sessions;

/// <summary>Computes single nodes whose inputs are constants, with the same kernels that a run would use.</summary>
/// <param name="provider">Reads constants that are weights; null for their sources. It stays the caller's.</param>
internal sealed class ConstantEvaluator(WeightsProvider? provider = null) : IDisposable
{
    private readonly MemoryAccount _account = new(MemoryAccount.Current);

    // Constants are small: waking other threads for them costs more than it brings.
    private readonly WorkerPool _workers = new(1);
    private readonly WeightsProvider _provider = provider is null ? WeightsProvider.DiskNoCache() : new DirectWeightsProvider(provider);

    /// <summary>The most native memory that evaluating took since <see cref="ResetPeak"/>, in bytes.</summary>
    public long PeakBytes => _account.PeakBytes;

    /// <summary>Starts a new measurement of <see cref="PeakBytes"/>.</summary>
    public void ResetPeak() => _account.ResetPeak();

    /// <summary>The outputs of <paramref name="node"/>.</summary>
    public IReadOnlyDictionary<Value, Constant> Evaluate(Node node)
    {
        // Models are looked at before there is a session.
        XnnpackLibrary.Initialize();
        using MemoryAccount.Scope scope = MemoryAccount.Enter(_account);
        Graph graph = new()
        {
            Name = node.Name,
            Nodes = [node],
            Outputs = [.. node.Outputs.OfType<Value>()],
        };
        if (node.Inputs.Concat(node.Outputs).Any(value => value?.Type?.ElementType == ElementType.BFloat16))
        {
            // There are no kernels for brain floats but those that move them.
            ComputeInSingle.Apply(graph);
        }

        using ExecutionPlan plan = Planner.Plan(graph, _workers, _provider.Traits);
        using Executor executor = new(plan, _workers, _provider, plan.ReadWeights, 0);
        LiveTensor[] results = executor.Run([new ExecutorSet([], () => { }, (_, type) => new LiveTensor(TensorBuffer.Uninitialized(type)))], null, null, CancellationToken.None)[0];
        Dictionary<Value, Constant> constants = [];
        for (int i = 0; i < results.Length; i++)
        {
            constants.Add(graph.Outputs[i], Constant.FromData(results[i].Type, results[i].Bytes.ToArray()));
        }

        return constants;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _workers.Dispose();
        _provider.Dispose();
        _account.Close();
    }
}
