using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>Compares the tensors of a run with what the model declares.</summary>
internal static class InputChecker
{
    // Some exporters declare every weight as an input with a default value: a message names only so many.
    private const int MostNamed = 10;

    /// <summary>Throws unless every declared input is there, with its type and shape, and nothing else is.</summary>
    /// <exception cref="InvalidInputException">Something does not fit.</exception>
    /// <inheritdoc cref="Check(IReadOnlyList{ValueMetadata}, IReadOnlyList{ValueMetadata}, IReadOnlyDictionary{string, TensorType})" path="/param"/>
    public static void Check(IReadOnlyList<ValueMetadata> declared, IReadOnlyList<ValueMetadata> optional, IReadOnlyDictionary<string, OnnxValue> inputs) =>
        Check(declared, optional, new InputTypes(inputs), inputs);

    /// <summary>Throws unless every declared input is there, with its type and shape, and nothing else is.</summary>
    /// <param name="declared">The inputs that there must be.</param>
    /// <param name="optional">The inputs that there may be.</param>
    /// <param name="types">The types of the inputs that there are, those of a state included.</param>
    /// <param name="inputs">The inputs that the caller gives.</param>
    /// <exception cref="InvalidInputException">Something does not fit.</exception>
    public static void Check(IReadOnlyList<ValueMetadata> declared, IReadOnlyList<ValueMetadata> optional, InputTypes types, IReadOnlyDictionary<string, OnnxValue> inputs)
    {
        CheckPresent(inputs);
        Check(declared, optional, types);
    }

    /// <summary>Throws if a tensor is null, or has bytes that are no elements of its type: integers of 4 and 2 bits, and 4-bit floats, have fewer values than a byte.</summary>
    /// <exception cref="InvalidInputException">One is, or has.</exception>
    private static void CheckPresent(IReadOnlyDictionary<string, OnnxValue> inputs)
    {
        foreach ((string name, OnnxValue? value) in inputs)
        {
            if (value is null)
            {
                throw new InvalidInputException($"The input '{name}' is null. An optional input without content is left out.");
            }

            CheckElements(name, value is TensorBuffer single ? [single] : (TensorSequence)value);
        }
    }

    private static void CheckElements(string name, IEnumerable<TensorBuffer> tensors)
    {
        foreach (TensorBuffer tensor in tensors)
        {
            if (PackedElements.FirstStranger(tensor.ElementType, tensor.Bytes) is var index && index >= 0)
            {
                throw new InvalidInputException($"Element {index:N0} of the input '{name}' is the byte {tensor.Bytes[index]}, which is no {tensor.ElementType.ToOnnxName()}. In memory each element has a byte of its own; bytes of files, where elements share them, become such a tensor by TensorBuffer.FromPacked.");
            }
        }
    }

    /// <summary>Throws unless every declared input is there, with its type and shape, and nothing else is.</summary>
    /// <param name="declared">The inputs that there must be.</param>
    /// <param name="optional">The inputs that there may be.</param>
    /// <param name="inputs">The inputs that there are.</param>
    /// <exception cref="InvalidInputException">Something does not fit.</exception>
    public static void Check(IReadOnlyList<ValueMetadata> declared, IReadOnlyList<ValueMetadata> optional, IReadOnlyDictionary<string, TensorType> inputs) =>
        Check(declared, optional, new InputTypes(inputs, isComplete: false));

    // A plan is not told of sequences.
    private static void Check(IReadOnlyList<ValueMetadata> declared, IReadOnlyList<ValueMetadata> optional, InputTypes inputs)
    {
        Dictionary<string, (long Value, string Input)> symbols = [];
        foreach (ValueMetadata input in declared)
        {
            if (inputs.Tensors.TryGetValue(input.Name, out TensorType tensor))
            {
                Check(input, tensor, symbols);
            }
            else if (inputs.Sequences.TryGetValue(input.Name, out (ElementType Type, TensorType[] Tensors) sequence))
            {
                CheckSequence(input, sequence.Type, sequence.Tensors);
            }
            else if (!input.IsOptional && (inputs.IsComplete || !input.IsSequence))
            {
                throw new InvalidInputException($"The input '{input.Name}' is missing. The model needs: {string.Join(", ", declared)}.");
            }
        }

        foreach (ValueMetadata input in optional)
        {
            if (inputs.Tensors.TryGetValue(input.Name, out TensorType tensor))
            {
                Check(input, tensor, symbols);
            }
            else if (inputs.Sequences.TryGetValue(input.Name, out (ElementType Type, TensorType[] Tensors) sequence))
            {
                CheckSequence(input, sequence.Type, sequence.Tensors);
            }
        }

        foreach (string name in inputs.Tensors.Keys.Concat(inputs.Sequences.Keys))
        {
            if (!declared.Concat(optional).Any(input => input.Name == name))
            {
                throw new InvalidInputException($"The model has no input '{name}'. It has: {Describe(declared, optional)}.");
            }
        }
    }

    private static string Describe(IReadOnlyList<ValueMetadata> declared, IReadOnlyList<ValueMetadata> optional)
    {
        string more = optional.Count > MostNamed ? $" and {optional.Count - MostNamed:N0} more" : "";
        return optional.Count == 0 ? string.Join(", ", declared) :
            $"{string.Join(", ", declared)}{(declared.Count > 0 ? "; " : "")}with default values: {string.Join(", ", optional.Take(MostNamed))}{more}";
    }

    // The same open dimension may have another size in each tensor of a sequence.
    private static void CheckSequence(ValueMetadata input, ElementType type, TensorType[] tensors)
    {
        if (!input.IsSequence)
        {
            throw new InvalidInputException($"The input '{input.Name}' is a sequence of {tensors.Length:N0} tensors; the model declares {input}.");
        }

        if (input.ElementType != ElementType.Undefined && type != input.ElementType)
        {
            throw new InvalidInputException($"The input '{input.Name}' is a sequence with elements of type {type.ToOnnxName()}; the model declares {input}.");
        }

        for (int i = 0; i < tensors.Length; i++)
        {
            Check(input, tensors[i], [], $"Tensor {i} of the input '{input.Name}'");
        }
    }

    private static void Check(ValueMetadata input, TensorType tensor, Dictionary<string, (long Value, string Input)> symbols)
    {
        if (input.IsSequence)
        {
            throw new InvalidInputException($"The input '{input.Name}' is a tensor {tensor}; the model declares {input}.");
        }

        Check(input, tensor, symbols, $"The input '{input.Name}'");
    }

    private static void Check(ValueMetadata input, TensorType tensor, Dictionary<string, (long Value, string Input)> symbols, string subject)
    {
        if (input.ElementType != ElementType.Undefined && tensor.ElementType != input.ElementType)
        {
            throw new InvalidInputException($"{subject} has elements of type {tensor.ElementType.ToOnnxName()}; the model declares {input}.");
        }

        if (tensor.Shape.Rank > Shape.MaximumRank)
        {
            throw new InvalidInputException($"{subject} has {tensor.Shape.Rank:N0} dimensions; at most {Shape.MaximumRank} are supported.");
        }

        if (input.Dimensions is null)
        {
            return;
        }

        if (tensor.Shape.Rank != input.Dimensions.Count)
        {
            throw new InvalidInputException($"{subject} has the shape {tensor.Shape}; the model declares {input}.");
        }

        for (int i = 0; i < tensor.Shape.Rank; i++)
        {
            Dimension dimension = input.Dimensions[i];
            if (dimension.IsKnown && dimension.Value != tensor.Shape[i])
            {
                throw new InvalidInputException($"{subject} has the shape {tensor.Shape}; the model declares {input}.");
            }

            if (!dimension.IsKnown && dimension.Symbol is { Length: > 0 } symbol && !symbols.TryAdd(symbol, (tensor.Shape[i], input.Name)) && symbols[symbol].Value != tensor.Shape[i])
            {
                throw new InvalidInputException($"The dimension '{symbol}' is {symbols[symbol].Value} in input '{symbols[symbol].Input}' but {tensor.Shape[i]} in input '{input.Name}'.");
            }
        }
    }
}
