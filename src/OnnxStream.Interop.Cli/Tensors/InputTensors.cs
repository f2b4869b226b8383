namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>The inputs of a run, out of what the command line says of them.</summary>
/// <param name="model">The model.</param>
/// <param name="arguments">Each <c>NAME=VALUE</c>.</param>
/// <param name="openDimensions">The numbers for open dimensions by name.</param>
/// <param name="seed">Decides random elements.</param>
/// <param name="pictures">How pixels become numbers.</param>
internal sealed class InputTensors(Model model, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, long> openDimensions, int seed, PictureOptions pictures)
{
    /// <summary>What may be given for an input, for help and messages.</summary>
    public const string Values = $"a file, {TensorFile.Formats}; a picture, {PictureFile.Formats}; a number; a list, as in [1,2] or [[1,2],[3,4]]; or ones, zeros or random";

    /// <summary>What stands for a sequence of no tensors.</summary>
    private const string Nothing = "none";

    private readonly IReadOnlyList<ValueMetadata> _declared = [.. model.Inputs, .. model.OptionalInputs];
    private readonly Dictionary<string, long> _dimensions = new(openDimensions);
    private readonly Dictionary<string, string> _sources = openDimensions.ToDictionary(pair => pair.Key, pair => $"--dim {pair.Key}={pair.Value}");

    /// <summary>Makes a tensor for each input of the model that has no default value and is not optional, and a tensor or sequence for those that are given.</summary>
    /// <param name="report">Is told of inputs that are made up although others are given.</param>
    /// <exception cref="UsageException">Something is said that makes no sense for this model.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">A file is not what its name says.</exception>
    public Dictionary<string, OnnxValue> Create(Action<string> report)
    {
        // Names are looked at first: reading a large file only to learn of a slip of the pen is no use.
        InputTypes.CheckNames(_declared, openDimensions);
        Dictionary<string, string> given = [];
        Dictionary<string, List<string>> sequences = [];
        foreach (string argument in arguments)
        {
            (ValueMetadata input, string value) = Split(argument);
            if (input.IsSequence)
            {
                sequences.TryAdd(input.Name, []);
                sequences[input.Name].Add(value);
            }
            else if (!given.TryAdd(input.Name, value))
            {
                throw new UsageException($"--input {input.Name} was given twice.");
            }
        }

        if (model.Inputs.FirstOrDefault(input => input is { IsSequence: true, IsOptional: false } && !sequences.ContainsKey(input.Name)) is { } missing)
        {
            throw new UsageException($"The input '{missing}' is a sequence, which cannot be made up: give each of its tensors with --input {missing.Name}=VALUE, in order, or --input {missing.Name}={Nothing} for a sequence of no tensors.");
        }

        // Files and lists have shapes of their own, which say what open dimensions are for the others.
        Dictionary<string, OnnxValue> tensors = [];
        foreach (ValueMetadata input in _declared)
        {
            if (given.TryGetValue(input.Name, out string? value) && Load(input, value) is { } tensor)
            {
                tensors.Add(input.Name, tensor);
                Bind(input, tensor.Shape, value);
            }
        }

        foreach (ValueMetadata input in _declared)
        {
            if (given.TryGetValue(input.Name, out string? value) && PictureFile.IsOne(value))
            {
                TensorBuffer picture = PictureFile.Load(value, input, _dimensions, pictures);
                tensors.Add(input.Name, picture);
                Bind(input, picture.Shape, value);
            }
        }

        RandomTensors random = new(seed, model.FindIndexInputs());
        foreach (ValueMetadata input in _declared)
        {
            if (sequences.TryGetValue(input.Name, out List<string>? values))
            {
                tensors.Add(input.Name, Sequence(input, values, random));
            }

            if (tensors.ContainsKey(input.Name) || ((input.HasDefault || input.IsOptional) && !given.ContainsKey(input.Name)))
            {
                continue;
            }

            string value = given.GetValueOrDefault(input.Name, "random");
            TensorBuffer tensor = Made(input, value, random);
            tensors.Add(input.Name, tensor);
            if (given.Count > 0 && !given.ContainsKey(input.Name))
            {
                report($"input {input.Name}: random {tensor.Type}, since it was not given");
            }
        }

        return tensors;
    }

    // Shapes differ from tensor to tensor, so they say nothing of open dimensions.
    private TensorSequence Sequence(ValueMetadata input, List<string> values, RandomTensors random)
    {
        if (values is [Nothing])
        {
            RequireType(input);
            return new TensorSequence(input.ElementType);
        }

        List<TensorBuffer> tensors = [];
        foreach (string value in values)
        {
            if (value == Nothing)
            {
                throw new UsageException($"--input {input.Name}={Nothing}: the sequence has no tensors, and other --input {input.Name} give it some.");
            }

            TensorBuffer tensor = Load(input, value) ?? (PictureFile.IsOne(value) ? PictureFile.Load(value, input, _dimensions, pictures) : Made(input, value, random));
            if (tensors.Count > 0 && tensors[0].ElementType != tensor.ElementType)
            {
                throw new UsageException($"--input {input.Name}={Shortened(value)} is {tensor.Type}; the tensors before have elements of {tensors[0].ElementType.ToOnnxName()}.");
            }

            tensors.Add(tensor);
        }

        return new TensorSequence(tensors[0].ElementType, tensors);
    }

    // A name may hold an '=': the longest one that fits is meant.
    private (ValueMetadata Input, string Value) Split(string argument)
    {
        ValueMetadata? input = _declared.Where(input => argument.StartsWith($"{input.Name}=", StringComparison.Ordinal)).MaxBy(input => input.Name.Length);
        if (input is null)
        {
            string name = argument[..Math.Max(0, argument.IndexOf('='))];
            string optional = model.OptionalInputs.Count is > 0 and < 10 ? $"; with default values: {string.Join("; ", model.OptionalInputs)}" : "";
            throw new UsageException($"--input {name}: the model has no input of that name; it has: {string.Join("; ", model.Inputs)}{optional}.");
        }

        string value = argument[(input.Name.Length + 1)..];
        return value.Length > 0 ? (input, value) : throw new UsageException($"--input {input.Name}: a value is missing: {Values}.");
    }

    private static TensorBuffer? Load(ValueMetadata input, string value)
    {
        if (value.StartsWith('['))
        {
            RequireType(input);
            return TensorLiteral.Parse(value, input);
        }

        return TensorLiteral.IsOne(value) || value is "ones" or "zeros" or "random" || PictureFile.IsOne(value) ? null : TensorFile.Load(value, input.ElementType);
    }

    private static void RequireType(ValueMetadata input)
    {
        if (input.ElementType.SizeOf() == 0)
        {
            throw new UsageException($"--input {input.Name}: the model does not declare the type of '{input}', or it is none of numbers. Give it a file: {TensorFile.Formats}.");
        }
    }

    private TensorBuffer Made(ValueMetadata input, string value, RandomTensors random)
    {
        // One number is enough where nothing is known of the shape.
        bool isNumber = TensorLiteral.IsOne(value);
        TensorType type = isNumber && input.Dimensions is null && input.ElementType.SizeOf() > 0 ? new TensorType(input.ElementType, Shape.Scalar) : InputTypes.Of(input, _dimensions);
        if (type.ByteLength > Array.MaxLength)
        {
            throw new UsageException($"The input '{input.Name}' would be {type}, {type.ByteLength:N0} bytes; a tensor has at most {Array.MaxLength:N0}. Give smaller numbers with --dim.");
        }

        if (value == "random")
        {
            return random.Create(input.Name, type);
        }

        TensorBuffer tensor = new(type.ElementType, type.Shape);
        TensorLiteral.Fill(tensor, value switch { "ones" => "1", "zeros" => "0", _ => value }, input);
        return tensor;
    }

    // What does not fit the declaration at all is left to the session, which says so.
    private void Bind(ValueMetadata input, Shape shape, string value)
    {
        if (input.Dimensions is not { } dimensions || dimensions.Count != shape.Rank)
        {
            return;
        }

        for (int i = 0; i < shape.Rank; i++)
        {
            if (dimensions[i] is { IsKnown: false, Symbol: { } symbol } && !_dimensions.TryAdd(symbol, shape[i]) && _dimensions[symbol] != shape[i])
            {
                throw new UsageException($"--input {input.Name}={Shortened(value)} has the shape {shape}, so '{symbol}' of {input} would be {shape[i]}; by {_sources[symbol]} it is {_dimensions[symbol]}.");
            }
            else if (dimensions[i] is { IsKnown: false, Symbol: { } bound })
            {
                _sources.TryAdd(bound, $"--input {input.Name}={Shortened(value)}");
            }
        }
    }

    private static string Shortened(string value) => value.Length > 60 ? value[..60] + "…" : value;
}
