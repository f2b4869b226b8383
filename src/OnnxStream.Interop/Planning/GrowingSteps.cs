using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Planning;

/// <summary>The steps of a plan whose shapes change as a state grows. The plan has memory for the largest; the steps are made again for each extent, and nothing else is.</summary>
/// <param name="nodes">The nodes.</param>
internal sealed class GrowingSteps(IReadOnlyList<Node> nodes)
{
    private readonly Dictionary<Node, int> _indices = nodes.Select((node, i) => (node, i)).ToDictionary();
    private readonly List<Lowered> _lowered = [];
    private readonly HashSet<int> _steps = [];
    private readonly HashSet<PlanBuffer> _overwritten = [];
    private PlanBuilder? _builder;
    private GrownPlanBuilder? _grown;

    /// <summary>The constants whose bytes are others than those of the plan.</summary>
    public IReadOnlyList<(PlanBuffer Buffer, byte[] Data)> Constants => _grown?.Constants ?? [];

    /// <summary>How often the steps have been made again.</summary>
    public int Version { get; private set; }

    /// <summary>Whether a node is one of them.</summary>
    public bool Covers(Node node) => _indices.ContainsKey(node);

    /// <summary>Whether a step is of one of the nodes.</summary>
    public bool Covers(int step) => _steps.Contains(step);

    /// <summary>Notes what a node became.</summary>
    /// <param name="node">The node.</param>
    /// <param name="builder">What it was lowered into.</param>
    /// <param name="firstStep">Its first step there.</param>
    /// <param name="firstTemporary">The first memory without a name that it took there.</param>
    public void Add(Node node, PlanBuilder builder, int firstStep, int firstTemporary)
    {
        _builder = builder;
        if (!_indices.TryGetValue(node, out int index))
        {
            return;
        }

        _lowered.Add(new Lowered(index, firstStep, [.. builder.Steps.Skip(firstStep)], [.. builder.Temporaries.Skip(firstTemporary)]));
        for (int i = firstStep; i < builder.Steps.Count; i++)
        {
            if (builder.Steps[i].Kernel.PanelLayers.Any())
            {
                throw new UnsupportedOperatorException($"{node}: the panels of its weight would depend on how far a state has grown.");
            }

            _steps.Add(i);
        }
    }

    /// <summary>Makes the steps for the types that the values have now.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="nodes">The nodes, in the same order as before.</param>
    /// <returns>Whether they fit into the plan; if not, the plan is as it was.</returns>
    public bool TryFit(ExecutionPlan plan, IReadOnlyList<Node> nodes)
    {
        using MemoryAccount.Scope scope = MemoryAccount.Enter(plan.Account);
        GrownPlanBuilder grown = new(_builder!, _overwritten);
        try
        {
            HashSet<int> made = [];
            List<Step> steps = new(plan.Steps.Count);
            int next = 0;
            foreach (Lowered lowered in _lowered)
            {
                Node node = nodes[lowered.Node];
                int first = grown.Steps.Count;
                made.Add(lowered.Node);

                // Where nothing comes out, nothing is computed.
                if (node.Outputs.Any(output => output?.Type!.Value.Shape.ElementCount > 0))
                {
                    grown.Begin(lowered.Temporaries);
                    OperatorRegistry.Get(node).Lower(new LoweringContext(node, grown));
                }

                if (grown.Steps.Count - first > lowered.Steps.Length)
                {
                    throw new PlanMismatchException();
                }

                for (int i = first; i < grown.Steps.Count; i++)
                {
                    TakePlace(grown.Steps[i], lowered.Steps[i - first], lowered.FirstStep + i - first, plan.RunBytes);
                }

                for (; next < lowered.FirstStep; next++)
                {
                    steps.Add(_builder!.Steps[next]);
                }

                steps.AddRange(grown.Steps.Skip(first));
                next = lowered.FirstStep + lowered.Steps.Length;
            }

            steps.AddRange(_builder!.Steps.Skip(next));

            // A node that made nothing when the plan was made has no place in it.
            if (nodes.Where((_, i) => !made.Contains(i)).SelectMany(node => node.Outputs).Any(output => output?.Type!.Value.Shape.ElementCount > 0 && _builder.FindTensor(output) is not null))
            {
                throw new PlanMismatchException();
            }

            plan.Refit(steps, [.. _builder.Graph.Inputs.Select(grown.Tensor)], [.. _builder.Graph.Outputs.Select(grown.Tensor)]);
        }
        catch (Exception exception)
        {
            grown.Dispose();
            if (exception is PlanMismatchException or UnsupportedOperatorException or InvalidGraphException or OverflowException)
            {
                return false;
            }

            throw;
        }

        // Those that the plan was made with are the first to be replaced.
        IEnumerable<Step> replaced = _grown?.Steps ?? _lowered.SelectMany(lowered => lowered.Steps);
        foreach (Step step in replaced)
        {
            step.Kernel.Dispose();
        }

        _grown = grown;
        _overwritten.UnionWith(grown.Constants.Select(constant => constant.Buffer));
        Version++;
        return true;
    }

    // Gives a step the place in the order, the scratch memory and the weights of the one that was planned.
    private static void TakePlace(Step step, Step planned, int index, long runBytes)
    {
        Kernel kernel = step.Kernel;
        bool fits = kernel.ScratchBytes <= (planned.Scratch?.Length ?? 0) && kernel.RunBytes <= runBytes && !kernel.PanelLayers.Any() &&
            step.Inputs.Concat(step.Outputs).All(tensor => !tensor.Buffer.IsInArena || (tensor.Buffer.FirstStep <= index && tensor.Buffer.LastStep >= index)) &&
            kernel.StreamedWeights.SequenceEqual(planned.Kernel.StreamedWeights) && kernel.PartlyReadWeights.SequenceEqual(planned.Kernel.PartlyReadWeights);
        step.Scratch = kernel.ScratchBytes > 0 ? planned.Scratch : null;
        (step.FirstWeight, step.FirstPart) = (planned.FirstWeight, planned.FirstPart);
        step.InputWeights = Array.ConvertAll(step.Inputs, _ => -1);
        step.InputParts = Array.ConvertAll(step.Inputs, _ => -1);
        for (int i = 0; i < step.Inputs.Length && fits; i++)
        {
            if (step.Inputs[i].Buffer.Constant?.Location is not null)
            {
                fits = i < planned.Inputs.Length && planned.Inputs[i].Buffer == step.Inputs[i].Buffer && (planned.InputParts[i] >= 0) == kernel.AccessesRandomly(i);
                (step.InputWeights[i], step.InputParts[i]) = fits ? (planned.InputWeights[i], planned.InputParts[i]) : (-1, -1);
            }
        }

        if (!fits || planned.InputWeights.Count(weight => weight >= 0) != step.InputWeights.Count(weight => weight >= 0))
        {
            throw new PlanMismatchException();
        }
    }

    private sealed record Lowered(int Node, int FirstStep, Step[] Steps, PlanTensor[] Temporaries);
}
