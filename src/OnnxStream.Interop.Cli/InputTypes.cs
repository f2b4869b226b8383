namespace OnnxStream.Interop.Cli;

/// <summary>The types of tensors, from what a model declares and numbers for what it leaves open.</summary>
internal static class InputTypes
{
    /// <summary>The type of each input.</summary>
    /// <param name="inputs">What the model declares.</param>
    /// <param name="openDimensions">The numbers for open dimensions by name; those not named here are 1.</param>
    /// <exception cref="UsageException">An input has no declared shape or no numeric type, or a dimension is not the model's.</exception>
    public static Dictionary<string, TensorType> Create(IReadOnlyList<ValueMetadata> inputs, IReadOnlyDictionary<string, long> openDimensions)
    {
        HashSet<string> symbols = [.. inputs.SelectMany(input => input.Dimensions ?? []).Where(d => !d.IsKnown).Select(d => d.Symbol).OfType<string>()];
        foreach (string name in openDimensions.Keys)
        {
            if (!symbols.Contains(name))
            {
                throw new UsageException($"--dim {name}: the model's inputs have no open dimension of that name; {(symbols.Count == 0 ? "all dimensions are fixed or have no name" : $"the names are: {string.Join(", ", symbols)}")}.");
            }
        }

        Dictionary<string, TensorType> types = [];
        foreach (ValueMetadata input in inputs)
        {
            if (input.Dimensions is null || input.ElementType.SizeOf() == 0)
            {
                throw new UsageException($"No random data can be made for the input '{input}': the model does not declare its type or shape. Give 'run' a tensor with --input {input.Name}=FILE.");
            }

            long[] dimensions = [.. input.Dimensions.Select(d => d.IsKnown ? d.Value : openDimensions.GetValueOrDefault(d.Symbol ?? "", 1))];
            try
            {
                TensorType type = new(input.ElementType, new Shape(dimensions));
                _ = type.ByteLength;
                types.Add(input.Name, type);
            }
            catch (OverflowException)
            {
                throw new UsageException($"The input '{input.Name}' cannot have the shape [{string.Join(',', dimensions)}]: that is more than 2^63 bytes. Give smaller numbers with --dim.");
            }
        }

        return types;
    }
}
