using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Planning;

/// <summary>Turns a graph whose types are known into an execution plan.</summary>
/// <remarks>
/// In this order: decide the order of the nodes, and which values are written straight into others; lower every node to kernels; find out from when to when each buffer is needed; let steps work in place
/// where an input ends with them; give every buffer its place in the arena; list the weights in order of use.
/// </remarks>
internal static class Planner
{
    /// <summary>Makes a plan.</summary>
    /// <param name="graph">A graph in which every value has a type.</param>
    /// <param name="workers">The threads that it will run on.</param>
    /// <param name="traits">How weights are brought in.</param>
    /// <param name="panels">Decides where the panels of weights come from; null for packing them when they are used.</param>
    /// <param name="mostBytes">The most bytes that one tensor may have.</param>
    /// <param name="external">The inputs and outputs of the graph that may stay in the memory of the caller; null for none.</param>
    /// <param name="growing">The nodes that the plan can be fitted to other shapes of (<see cref="GrowingSteps"/>); null for none.</param>
    public static ExecutionPlan Plan(
        Graph graph, WorkerPool workers, StreamTraits traits = default, PanelSources? panels = null, long mostBytes = long.MaxValue, IReadOnlySet<Value>? external = null, IReadOnlyList<Node>? growing = null)
    {
        MemoryAccount account = new(MemoryAccount.Current);
        using MemoryAccount.Scope scope = MemoryAccount.Enter(account);
        GrowingSteps? growingSteps = growing is null ? null : new GrowingSteps(growing);
        PlanBuilder builder = Lower(graph, workers, traits, panels ?? new PanelSources(), mostBytes, account, growingSteps);
        try
        {
            return Complete(builder, external, growingSteps);
        }
        catch
        {
            builder.Dispose();
            throw;
        }
    }

    /// <summary>Turns the nodes of a graph into steps.</summary>
    public static PlanBuilder Lower(Graph graph, WorkerPool workers, StreamTraits traits, PanelSources panels, long mostBytes, MemoryAccount? account = null, GrowingSteps? growing = null)
    {
        // Where nothing comes out, nothing is computed, whatever the other dimensions are.
        List<Node> order = [.. NodeOrder.Of(graph).Where(node => node.Outputs.Any(output => output?.Type!.Value.Shape.ElementCount > 0))];
        PlanBuilder builder = new(graph, workers, traits, panels, CreateTiles) { Account = account, MostBytes = mostBytes, Places = ValuePlaces.Find(graph, order, growing) };
        try
        {
            foreach (Node node in order)
            {
                LoweringContext context = new(node, builder);
                (int firstStep, int firstTemporary) = (builder.Steps.Count, builder.Temporaries.Count);
                try
                {
                    OperatorRegistry.Get(node).Lower(context);
                    growing?.Add(node, builder, firstStep, firstTemporary);
                }
                catch (Exception exception) when (exception is OverflowException or OutOfMemoryException)
                {
                    throw new UnsupportedOperatorException(context.Unsupported("a tensor of this size").Message, exception);
                }
            }

            return builder;
        }
        catch
        {
            builder.Dispose();
            throw;
        }
    }

    private static RowTilesKernel CreateTiles(PlanBuilder outer, Graph body, int tiles)
    {
        PlanBuilder builder = Lower(body, outer.Workers, outer.Traits, outer.Panels, outer.MostBytes);
        ExecutionPlan? plan = null;
        try
        {
            plan = Complete(builder);
            return new RowTilesKernel(plan, tiles);
        }
        catch
        {
            builder.Dispose();
            throw;
        }
    }

    /// <summary>Plans the memory of steps.</summary>
    public static ExecutionPlan Complete(PlanBuilder builder, IReadOnlySet<Value>? external = null, GrowingSteps? growing = null)
    {
        builder.ReserveScratch();
        PlanTensor[] inputs = [.. builder.Graph.Inputs.Select(builder.Tensor)];
        PlanTensor[] outputs = [.. builder.Graph.Outputs.Select(builder.Tensor)];
        MarkExternal(builder.Graph, inputs, outputs, external);
        long arenaBytes = PlaceBuffers(builder, inputs, outputs, growing, overlaps: false);
        if (builder.Steps.Any(step => step.Inputs.Where((_, i) => step.Kernel.Lead(i) is not null).Any()) && PlaceBuffers(builder, inputs, outputs, growing, overlaps: true) is var overlapped)
        {
            // What lies over other tensors may have to stay for longer than these: then it is worth nothing.
            arenaBytes = overlapped < arenaBytes ? overlapped : PlaceBuffers(builder, inputs, outputs, growing, overlaps: false);
        }

        (List<WeightRange> schedule, List<PartlyReadWeight> parts) = ScheduleWeights(builder.Steps, outputs);
        List<PlanBuffer> constants = [];
        long constantBytes = 0;
        foreach (PlanBuffer buffer in builder.Buffers)
        {
            if (!ReferenceEquals(buffer.Actual, buffer))
            {
                continue;
            }

            if (buffer.Constant is { Data: not null })
            {
                buffer.Offset = constantBytes;
                constantBytes += CountedMemory.Align(buffer.Length);
                constants.Add(buffer);
            }
        }

        return new ExecutionPlan
        {
            Account = builder.Account,
            Growing = growing,
            RunBytes = builder.Steps.Select(step => step.Kernel.RunBytes).DefaultIfEmpty().Max(),
            Steps = builder.Steps,
            Inputs = inputs,
            Outputs = outputs,
            Constants = constants,
            WeightSchedule = schedule,
            PartlyReadWeights = parts,
            ArenaBytes = arenaBytes,
            ConstantBytes = constantBytes == 0 ? 0 : constantBytes + Arena.Padding,
            OperatorBytes = builder.Account?.LiveBytes ?? 0,
            ReadWeights = MeasureWeights(builder, schedule, builder.Traits.WithoutPanels),
            MappedWeights = MeasureWeights(builder, schedule, schedule.Where(range => range.IsPanel).Sum(range => range.Length) < MappedBlocks.WorthMapping ? builder.Traits.WithoutPanels : builder.Traits),
        };
    }

    // Decides which buffers share memory, and where each lies; returns the size of the arena.
    private static long PlaceBuffers(PlanBuilder builder, PlanTensor[] inputs, PlanTensor[] outputs, GrowingSteps? growing, bool overlaps)
    {
        builder.Separate();
        FindLifetimes(builder.Steps, inputs, outputs);
        WorkInPlace(builder, growing, overlaps);
        return Arena.Place([.. builder.Buffers.Where(buffer => ReferenceEquals(buffer.Actual, buffer) && buffer.IsInArena && buffer.LastStep >= 0)]);
    }

    private static void FindLifetimes(IReadOnlyList<Step> steps, PlanTensor[] inputs, PlanTensor[] outputs)
    {
        foreach (PlanTensor input in inputs)
        {
            Extend(input.Buffer, -1);
            Extend(input.Buffer, 0);
        }

        for (int i = 0; i < steps.Count; i++)
        {
            foreach (PlanTensor tensor in steps[i].Inputs)
            {
                Extend(tensor.Buffer, i);
            }

            foreach (PlanTensor tensor in steps[i].Outputs)
            {
                Extend(tensor.Buffer, i);
            }

            if (steps[i].Scratch is { } scratch)
            {
                Extend(scratch, i);
            }
        }

        foreach (PlanTensor output in outputs)
        {
            Extend(output.Buffer, steps.Count);
        }

        static void Extend(PlanBuffer buffer, int step)
        {
            buffer.FirstStep = Math.Min(buffer.FirstStep, step);
            buffer.LastStep = Math.Max(buffer.LastStep, step);
        }
    }

    // A tensor stays in the memory of the caller if it has a buffer for itself. Others are copied from there and to there, as all tensors of other callers are.
    private static void MarkExternal(Graph graph, PlanTensor[] inputs, PlanTensor[] outputs, IReadOnlySet<Value>? external)
    {
        if (external is null)
        {
            return;
        }

        PlanTensor[] all = [.. inputs, .. outputs];
        for (int i = 0; i < all.Length; i++)
        {
            PlanBuffer buffer = all[i].Buffer;
            Value value = i < inputs.Length ? graph.Inputs[i] : graph.Outputs[i - inputs.Length];
            if (external.Contains(value) && buffer.IsInArena && all[i].Type.ByteLength == buffer.Length && all[i].StripeStride == 0 && all.Count(other => other.Buffer == buffer) == 1)
            {
                buffer.ExternalIndex = i;
            }
        }
    }

    private static void WorkInPlace(PlanBuilder builder, GrowingSteps? growing, bool overlaps)
    {
        IReadOnlyList<Step> steps = builder.Steps;
        for (int i = 0; i < steps.Count; i++)
        {
            // A step of other shapes may not be able to.
            Step step = steps[i];
            if (step.Outputs.Length == 0 || growing?.Covers(i) == true)
            {
                continue;
            }

            PlanTensor output = step.Outputs[0];
            PlanBuffer target = output.Buffer;

            // Memory that is longer than the input is rather left.
            foreach (int k in Enumerable.Range(0, step.Inputs.Length).OrderBy(k => step.Inputs[k].Buffer.Length))
            {
                PlanTensor input = step.Inputs[k];
                PlanBuffer source = input.Buffer;
                if (!source.IsInArena || !target.IsInArena || source == target || source.LastStep != i || target.FirstStep != i ||
                    (input.Type.ByteLength != source.Length && (!source.IsShared || input.StripeStride != 0)) || output.Type.ByteLength != target.Length || step.Inputs.Count(other => other.Buffer == source) != 1)
                {
                    continue;
                }

                if (input.Type.ByteLength == target.Length && step.Kernel.CanRunInPlace(k))
                {
                    target.MergeInto(source, input.Offset);
                    break;
                }

                if (overlaps && step.Kernel.Lead(k) is { } lead && Overlap(builder, source, input, target, CountedMemory.Align(lead)))
                {
                    break;
                }
            }
        }
    }

    // Lets an output begin some bytes before an input and grow over it. Not where the output is larger, which would then take its memory as soon as the input does, nor where both for themselves take no more.
    private static bool Overlap(PlanBuilder builder, PlanBuffer source, PlanTensor input, PlanBuffer target, long lead)
    {
        // Where the output begins, in the memory that the input has already.
        long start = input.Offset - lead;
        long before = Math.Max(0, -start);
        long length = Math.Max(before + source.Length, Math.Max(0, start) + target.Length);
        if (target.Length > source.Length || length >= source.Length + target.Length)
        {
            return false;
        }

        PlanBuffer both = builder.Shared(length);
        source.MergeInto(both, before);
        target.MergeInto(both, Math.Max(0, start));
        return true;
    }

    /// <summary>The most bytes of weights that one of the steps holds at once: those that its kernel brings in itself, and those that are brought in for it.</summary>
    /// <param name="steps">The steps.</param>
    /// <param name="measure">What a range takes while it is held.</param>
    public static long WeightsInUse(IReadOnlyList<Step> steps, WeightMeasure measure) =>
        steps.Select(step => step.Kernel.WeightsInUse(measure) +
            step.Inputs.Where((_, i) => step.InputWeights[i] >= 0).Sum(input => measure.Input(input.Buffer.Constant!.Location!.Value))).DefaultIfEmpty().Max();

    private static WeightMemory MeasureWeights(PlanBuilder builder, List<WeightRange> schedule, StreamTraits traits) => new(
        WeightBuffers.TotalBytes(builder.Workers.WorkerCount, traits.BufferBytes(schedule)),
        WeightsInUse(builder.Steps, new WeightMeasure(traits, WeightPlace.Area)),
        Math.Min(
            WeightsInUse(builder.Steps, new WeightMeasure(traits, WeightPlace.Mapped)),
            schedule.Where(range => traits.Maps(range)).GroupBy(range => range.Source).Sum(file => MappedBlocks.RoundToPages(file.Max(range => range.Offset + range.Length)))),
        WeightsInUse(builder.Steps, new WeightMeasure(traits, WeightPlace.Slot)),
        traits.HoldsWindowBesideOf(schedule));

    private static (List<WeightRange> Schedule, List<PartlyReadWeight> Parts) ScheduleWeights(IReadOnlyList<Step> steps, PlanTensor[] outputs)
    {
        List<WeightRange> schedule = [];
        List<PartlyReadWeight> parts = [];
        foreach (Step step in steps)
        {
            step.FirstWeight = schedule.Count;
            schedule.AddRange(step.Kernel.StreamedWeights);
            step.FirstPart = parts.Count;
            parts.AddRange(step.Kernel.PartlyReadWeights.Select(range => new PartlyReadWeight(range, step.FirstWeight)));
            step.InputWeights = new int[step.Inputs.Length];
            step.InputParts = new int[step.Inputs.Length];
            for (int i = 0; i < step.Inputs.Length; i++)
            {
                step.InputWeights[i] = step.InputParts[i] = -1;
                if (step.Inputs[i].Buffer.Constant is { Location: { } location })
                {
                    if (step.Kernel.AccessesRandomly(i))
                    {
                        step.InputParts[i] = parts.Count;
                        parts.Add(new PartlyReadWeight(location, step.FirstWeight));
                    }
                    else
                    {
                        step.InputWeights[i] = schedule.Count;
                        schedule.Add(location);
                    }
                }
            }
        }

        // A model may return a weight as it is: the last entries are read when outputs are copied.
        foreach (PlanTensor output in outputs)
        {
            if (output.Buffer.Constant is { Location: { } location })
            {
                schedule.Add(location);
            }
        }

        return (schedule, parts);
    }
}
