using OnnxStream.Interop.Fuzzing.Mutators;
using OnnxStream.Interop.Sessions;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>Does with a model what users do: opens, describes, plans, runs and converts it, with one set of options or another.</summary>
internal static class ModelUse
{
    // Far more than any of the models needs; one that says that it needs more is refused.
    private const long MemoryBudget = 64 << 20;

    // Inputs as large as a model declares them, up to this.
    private const long LargestInput = 4 << 20;

    /// <summary>Uses a model.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="folder">A folder to write into.</param>
    /// <param name="inputFiles">Tensor files for its inputs, in their order.</param>
    /// <param name="random">Decides how.</param>
    /// <param name="cancellationToken">Stops a run.</param>
    public static void Run(string path, string folder, IReadOnlyList<string> inputFiles, Random random, CancellationToken cancellationToken)
    {
        Model model = Model.Load(path);
        if (random.Next(4) == 0)
        {
            model.Summarize();
        }

        switch (random.Next(12))
        {
            case 0:
                model.SaveOnnx(Path.Combine(folder, "copy.onnx"));
                model = Model.Load(Path.Combine(folder, "copy.onnx"));
                break;
            case 1:
                model.SaveOnnxStream(Path.Combine(folder, "copy"), halfPrecisionWeights: random.Next(2) == 0);
                model = Model.Load(Path.Combine(folder, "copy"));
                break;
        }

        using WeightsProvider? weights = random.Next(8) switch { 0 => WeightsProvider.Ram(), 1 => WeightsProvider.DiskNoCache(), _ => null };
        SessionOptions options = new()
        {
            ThreadCount = random.Next(8) == 0 ? 2 : 1,
            MemoryBudget = MemoryBudget,
            WeightsProvider = weights,
            ActivationElementType = random.Next(8) switch { 0 => ElementType.Float16, 1 => ElementType.Int8, _ => ElementType.Float32 },
            PanelStore = random.Next(12) == 0 ? PanelStoreOptions.File(Path.Combine(folder, "store.panels")) : PanelStoreOptions.Off,
        };
        if (random.Next(5) == 0 && Bindings(model, random) is { Length: > 0 } bindings)
        {
            RunWithState(model, options with { StateBindings = bindings }, inputFiles, random, cancellationToken);
            return;
        }

        using InferenceSession session = new(model, options);
        session.Run(Inputs(session.Inputs, inputFiles, random), null, cancellationToken);
    }

    // Some runs on a state, which is read, set, shortened and set back between them.
    private static void RunWithState(Model model, SessionOptions options, IReadOnlyList<string> inputFiles, Random random, CancellationToken cancellationToken)
    {
        using InferenceSession session = Open(model, options);
        using SessionState state = session.CreateState();
        for (int run = random.Next(1, 5); run > 0; run--)
        {
            Dictionary<string, TensorBuffer> inputs = Inputs(session.Inputs, inputFiles, random).Where(input => input.Value is TensorBuffer).ToDictionary(input => input.Key, input => (TensorBuffer)input.Value);
            string bound = random.Pick(state.Inputs);
            switch (random.Next(8))
            {
                case 0 when inputs.TryGetValue(bound, out TensorBuffer? given):
                    state.Write(bound, given);
                    break;
                case 1:
                    state.Truncate(random.Next(4));
                    break;
                case 2:
                    state.Reset();
                    break;
                case 3:
                    state.Write(bound, state.Read(bound));
                    break;
            }

            foreach (string input in state.Inputs)
            {
                inputs.Remove(input);
            }

            session.Run(inputs, state, null, cancellationToken);
        }
    }

    // Bindings that do not fit a model are the caller's fault, and the only one here.
    private static InferenceSession Open(Model model, SessionOptions options)
    {
        try
        {
            return new InferenceSession(model, options);
        }
        catch (ArgumentException exception) when (exception.StackTrace?.Contains($"{nameof(StateLayout)}.{nameof(StateLayout.Create)}", StringComparison.Ordinal) == true)
        {
            throw new InvalidInputException(exception.Message);
        }
    }

    // Outputs that go to inputs of the next run: those that look alike, with an axis that grows where one is open, and now and then any.
    private static StateBinding[] Bindings(Model model, Random random)
    {
        List<StateBinding> bindings = [];
        foreach (ValueMetadata input in model.Inputs)
        {
            ValueMetadata[] outputs = [.. model.Outputs.Where(output => !bindings.Exists(binding => binding.Output == output.Name) && (random.Next(20) == 0 || output.ElementType == input.ElementType))];
            if (outputs.Length == 0 || random.Next(3) == 0)
            {
                continue;
            }

            int open = input.Dimensions is null ? -1 : input.Dimensions.ToList().FindIndex(dimension => !dimension.IsKnown);
            int? axis = open >= 0 && random.Next(10) > 0 ? open : random.Next(8) == 0 ? random.Next(-2, 4) : null;
            bindings.Add(new StateBinding(random.Pick(outputs).Name, input.Name)
            {
                Axis = axis,
                Capacity = axis is null ? 0 : random.Next(4) == 0 ? Interesting.Integer(random) : random.Next(1, 20),
                Window = axis is not null && random.Next(6) == 0 ? random.Next(0, 8) : null,
                Shape = random.Next(8) == 0 ? new Shape([.. Enumerable.Range(0, random.Next(4)).Select(_ => (long)random.Next(0, 4))]) : null,
            });
        }

        return [.. bindings];
    }

    private static Dictionary<string, OnnxValue> Inputs(IReadOnlyList<ValueMetadata> declared, IReadOnlyList<string> files, Random random)
    {
        Dictionary<string, OnnxValue> inputs = [];
        for (int i = 0; i < declared.Count; i++)
        {
            if (declared[i].IsOptional && random.Next(3) == 0)
            {
                continue;
            }

            if (declared[i].IsSequence)
            {
                TensorBuffer[] tensors = [.. Enumerable.Range(0, random.Next(5)).Select(_ => Random(declared[i], random))];
                inputs[declared[i].Name] = new TensorSequence(tensors.FirstOrDefault()?.ElementType ?? declared[i].ElementType, tensors);
                continue;
            }

            // The case's own tensor goes with the model unless the declaration was changed, and sometimes even then.
            TensorBuffer? own = i < files.Count && !declared[i].IsOptional ? OnnxTensorFile.Load(files[i]) : null;
            inputs[declared[i].Name] = own is not null && (Fits(declared[i], own) || random.Next(8) == 0) ? own : Random(declared[i], random);
        }

        return inputs;
    }

    private static bool Fits(ValueMetadata declared, TensorBuffer tensor) =>
        (declared.ElementType == ElementType.Undefined || declared.ElementType == tensor.ElementType) &&
        (declared.Dimensions is null || (declared.Dimensions.Count == tensor.Shape.Rank && declared.Dimensions.Select((dimension, i) => !dimension.IsKnown || dimension.Value == tensor.Shape[i]).All(fits => fits)));

    private static TensorBuffer Random(ValueMetadata declared, Random random)
    {
        ElementType type = declared.ElementType.SizeOf() == 0 ? ElementType.Float32 : declared.ElementType;
        long[] dimensions = declared.Dimensions is null
            ? [.. Enumerable.Range(0, random.Next(5)).Select(_ => (long)random.Next(1, 5))]
            : [.. declared.Dimensions.Select(dimension => dimension.IsKnown ? dimension.Value : random.Next(0, 6))];
        if (dimensions.Aggregate(1.0, (product, dimension) => product * dimension) > LargestInput)
        {
            // Not what the model declares: it is refused.
            dimensions = [1];
        }

        TensorBuffer tensor = new(type, new Shape(dimensions));
        Fill(tensor, random);
        return tensor;
    }

    private static void Fill(TensorBuffer tensor, Random random)
    {
        int kind = random.Next(10);
        switch (tensor.ElementType)
        {
            case ElementType.Float32:
                foreach (ref float element in tensor.Span<float>())
                {
                    element = kind == 0 ? Interesting.Float(random) : random.NextSingle() * 4 - 2;
                }

                break;
            case ElementType.Int64:
                foreach (ref long element in tensor.Span<long>())
                {
                    element = kind < 3 ? Interesting.Integer(random) : random.Next(0, 3);
                }

                break;
            case ElementType.Int32:
                foreach (ref int element in tensor.Span<int>())
                {
                    element = kind < 3 ? (int)Interesting.Integer(random) : random.Next(0, 3);
                }

                break;
            case ElementType.Bool:
                foreach (ref bool element in tensor.Span<bool>())
                {
                    element = random.Next(2) == 0;
                }

                break;
            default:
                random.NextBytes(tensor.Bytes);
                break;
        }
    }
}
