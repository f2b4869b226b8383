using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>What a binding means for a model: the values that it binds, the tensor at the start, and how large it may become.</summary>
internal sealed class StateLayout
{
    private StateLayout(Value output, Value input, TensorType start, int? axis, long capacity, long? window, RowFormat? format)
    {
        Output = output;
        Input = input;
        Start = start;
        Axis = axis;
        Window = window;
        Format = format;
        Largest = axis is { } growing ? new TensorType(start.ElementType, start.Shape.With(growing, capacity)) : start;
    }

    /// <summary>The model's output.</summary>
    public Value Output { get; }

    /// <summary>The model's input.</summary>
    public Value Input { get; }

    /// <summary>The type at the start.</summary>
    public TensorType Start { get; }

    /// <summary>The type at the capacity.</summary>
    public TensorType Largest { get; }

    /// <summary>The axis along which the tensor grows; null if it does not.</summary>
    public int? Axis { get; }

    /// <summary>The most entries along the axis that a run reads; null for all.</summary>
    public long? Window { get; }

    /// <summary>How rows are stored; null for the type of the model.</summary>
    public RowFormat? Format { get; }

    /// <summary>The bytes of one block for the tensor. Kernels may read a little past its end.</summary>
    public long BlockBytes => Stored(Largest).ByteLength + XnnpackLibrary.ReadPastEnd;

    /// <summary>The type in which a tensor of the state is stored.</summary>
    public TensorType Stored(TensorType type) => Format is null ? type : type with { ElementType = Format.ElementType };

    /// <summary>The type that a stored tensor has for the model.</summary>
    public TensorType Declared(TensorType type) => type with { ElementType = Start.ElementType };

    /// <summary>Understands the bindings of a session.</summary>
    /// <param name="graph">The model's graph.</param>
    /// <param name="inputs">What the model declares.</param>
    /// <param name="bindings">The bindings.</param>
    /// <exception cref="ArgumentException">A binding does not fit the model.</exception>
    public static StateLayout[] Create(Graph graph, IReadOnlyList<ValueMetadata> inputs, IReadOnlyList<StateBinding> bindings)
    {
        StateLayout[] layouts = [.. bindings.Select(binding => Create(graph, inputs, binding))];
        foreach (StateLayout layout in layouts)
        {
            if (layouts.Count(other => other.Input == layout.Input) > 1 || layouts.Count(other => other.Output == layout.Output) > 1)
            {
                throw new ArgumentException($"The output '{layout.Output.Name}' and the input '{layout.Input.Name}' can each be bound to one other only.");
            }
        }

        return layouts;
    }

    /// <summary>Throws unless the next run can read a tensor of this type.</summary>
    /// <exception cref="InvalidInputException">It cannot.</exception>
    public void Check(TensorType type)
    {
        if ((type.ElementType != Start.ElementType && type.ElementType != Format?.ElementType) || type.Shape.Rank != Start.Shape.Rank ||
            Enumerable.Range(0, type.Shape.Rank).Any(i => i != Axis && type.Shape[i] != Start.Shape[i]))
        {
            throw new InvalidInputException($"The state '{Input.Name}' would become {type} by the output '{Output.Name}'; it is {Start}{(Axis is { } axis ? $", and grows along axis {axis} only" : ", and cannot grow without an axis in its binding")}.");
        }

        if (Axis is { } growing && type.Shape[growing] > Largest.Shape[growing])
        {
            throw new InvalidInputException($"The state '{Input.Name}' would become {type.Shape[growing]:N0} long; its capacity is {Largest.Shape[growing]:N0}. Reset or truncate it, give its binding a window, or a larger capacity.");
        }
    }

    private static RowFormat? FindFormat(StateBinding binding, TensorType start, int? axis)
    {
        if (binding.StoredElementType is not { } stored || stored == start.ElementType)
        {
            return null;
        }

        return start.ElementType == ElementType.Float32 && axis is not null && axis != start.Shape.Rank - 1
            ? RowFormat.Asked(stored)
            : throw new ArgumentException($"The binding of '{binding.Input}' cannot be kept as {stored.ToOnnxName()}: {(start.ElementType == ElementType.Float32 ? "it must grow, along another axis than the last" : $"the model has it as {start.ElementType.ToOnnxName()}, and only float is kept in fewer bits")}.");
    }

    private static StateLayout Create(Graph graph, IReadOnlyList<ValueMetadata> inputs, StateBinding binding)
    {
        Value output = graph.Outputs.Find(value => value.Name == binding.Output) ??
            throw new ArgumentException($"The model has no output '{binding.Output}' that could be bound. It has: {string.Join(", ", graph.Outputs.Select(value => value.Name))}.");
        ValueMetadata declared = inputs.FirstOrDefault(input => input.Name == binding.Input) ??
            throw new ArgumentException($"The model has no input '{binding.Input}' that could be bound. It has: {string.Join(", ", inputs)}.");
        if (!declared.IsTensor || output.Declared is { IsTensor: false })
        {
            throw new ArgumentException($"Only tensors can be bound; the model declares {(declared.IsTensor ? output.Declared : declared)}.");
        }

        Value input = graph.Inputs.First(value => value.Name == binding.Input);
        int rank = binding.Shape?.Rank ?? declared.Dimensions?.Count ?? throw new ArgumentException($"The model does not declare the shape of '{binding.Input}'. Give its binding one.");
        int? axis = binding.Axis < 0 ? binding.Axis + rank : binding.Axis;
        if (axis is < 0 || axis >= rank)
        {
            throw new ArgumentException($"The axis {binding.Axis} of the binding of '{binding.Input}' is not one of its {rank} axes.");
        }

        if (axis is null ? binding.Capacity != 0 || binding.Window is not null : binding.Capacity <= 0 || binding.Window is < 0 || binding.Window >= binding.Capacity)
        {
            throw new ArgumentException(axis is null
                ? $"The binding of '{binding.Input}' has a capacity or a window, but no axis along which the tensor grows."
                : $"The binding of '{binding.Input}' has the capacity {binding.Capacity}{(binding.Window is { } window ? $" and the window {window}" : "")}: the capacity must be positive, the window smaller.");
        }

        TensorType start = new(declared.ElementType, binding.Shape ?? new Shape([.. declared.Dimensions!.Select((dimension, i) => dimension switch
        {
            _ when i == axis => 0,
            { IsKnown: true } => dimension.Value,
            _ => throw new ArgumentException($"The model declares {declared}: give its binding a shape for the dimensions that are open."),
        })]));
        InputChecker.Check([declared], [], new Dictionary<string, TensorType> { [binding.Input] = start });
        try
        {
            StateLayout layout = new(output, input, start, axis, binding.Capacity, binding.Window, FindFormat(binding, start, axis));
            _ = layout.BlockBytes; // must not overflow
            return layout;
        }
        catch (OverflowException)
        {
            throw new ArgumentException($"The binding of '{binding.Input}' has the capacity {binding.Capacity}: {declared} would then have more bytes than 63 bits can count.");
        }
    }
}
