namespace OnnxStream.Interop.Cli;

/// <summary>The types of tensors, from what a model declares and numbers for what it leaves open.</summary>
internal static class InputTypes
{
    /// <summary>The type of each input that is a tensor. Of sequences nothing is known before a run, and optional inputs have no content.</summary>
    /// <param name="inputs">What the model declares.</param>
    /// <param name="openDimensions">The numbers for open dimensions by name; those not named here are 1.</param>
    /// <exception cref="UsageException">An input has no declared shape or no numeric type, or a dimension is not the model's.</exception>
    public static Dictionary<string, TensorType> Create(IReadOnlyList<ValueMetadata> inputs, IReadOnlyDictionary<string, long> openDimensions)
    {
        CheckNames(inputs, openDimensions);
        return inputs.Where(input => !input.IsSequence && !input.IsOptional).ToDictionary(input => input.Name, input => Of(input, openDimensions));
    }

    /// <summary>Throws if a number is given for a dimension that the inputs do not have.</summary>
    /// <exception cref="UsageException">One is; the message lists those that there are.</exception>
    public static void CheckNames(IReadOnlyList<ValueMetadata> inputs, IReadOnlyDictionary<string, long> openDimensions)
    {
        HashSet<string> symbols = [.. inputs.SelectMany(input => input.Dimensions ?? []).Where(d => !d.IsKnown).Select(d => d.Symbol).OfType<string>()];
        foreach (string name in openDimensions.Keys)
        {
            if (!symbols.Contains(name))
            {
                throw new UsageException($"--dim {name}: the model's inputs have no open dimension of that name; {(symbols.Count == 0 ? "all dimensions are fixed or have no name" : $"the names are: {string.Join(", ", symbols)}")}.");
            }
        }
    }

    /// <summary>The type of an input.</summary>
    /// <param name="input">What the model declares.</param>
    /// <param name="openDimensions">As for <see cref="Create"/>.</param>
    /// <exception cref="UsageException">It has no declared shape or no numeric type.</exception>
    public static TensorType Of(ValueMetadata input, IReadOnlyDictionary<string, long> openDimensions)
    {
        if (input.Dimensions is null || input.ElementType.SizeOf() == 0)
        {
            throw new UsageException($"No data can be made for the input '{input}': the model does not declare its type or shape. Give 'run' a tensor with --input {input.Name}=FILE.");
        }

        long[] dimensions = [.. input.Dimensions.Select(d => d.IsKnown ? d.Value : openDimensions.GetValueOrDefault(d.Symbol ?? "", 1))];
        try
        {
            TensorType type = new(input.ElementType, new Shape(dimensions));
            _ = type.ByteLength;
            return type;
        }
        catch (OverflowException)
        {
            throw new UsageException($"The input '{input.Name}' cannot have the shape [{string.Join(',', dimensions)}]: that is more than 2^63 bytes. Give smaller numbers with --dim.");
        }
    }
}
