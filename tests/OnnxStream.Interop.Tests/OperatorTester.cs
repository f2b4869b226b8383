namespace OnnxStream.Interop.Tests;

/// <summary>Compares single nodes with ONNX Runtime: with the inputs given at run time, and again with them as constants of the model.</summary>
internal sealed class OperatorTester(string operatorType, int operatorSet = 17, string domain = "")
{
    private readonly List<(string Name, TensorBuffer? Tensor, bool IsConstant)> _inputs = [];
    private readonly List<(string Name, object Value)> _attributes = [];
    private readonly List<ElementType> _outputs = [];

    /// <summary>The tolerance for floating-point results, absolute below 1 and relative above.</summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>How many outputs are compared: others are there, because ONNX Runtime needs them, but hold what nobody defines.</summary>
    public int ComparedOutputs { get; init; } = int.MaxValue;

    /// <summary>Adds an input; null leaves an optional one out.</summary>
    public OperatorTester Input(TensorBuffer? tensor, bool isConstant = false)
    {
        _inputs.Add(($"i{_inputs.Count}", tensor, isConstant));
        return this;
    }

    /// <summary>Adds an input that is an initializer of the model: shapes that depend on it are known when planning.</summary>
    public OperatorTester Constant(TensorBuffer tensor) => Input(tensor, isConstant: true);

    public OperatorTester Attribute(string name, object value)
    {
        _attributes.Add((name, value));
        return this;
    }

    /// <summary>Adds an output; one single-precision output is there if none is added. <see cref="ElementType.Undefined"/> leaves one out.</summary>
    public OperatorTester Output(ElementType type)
    {
        _outputs.Add(type);
        return this;
    }

    /// <summary>Runs both engines and compares.</summary>
    /// <param name="constantsToo">Whether to compare again with all inputs as initializers.</param>
    public void Check(bool constantsToo = true)
    {
        Check(asConstants: false, threads: 1);
        Check(asConstants: false, threads: 3);
        if (constantsToo)
        {
            Check(asConstants: true, threads: 2);
        }
    }

    /// <summary>Runs both engines once and compares: for tests that try many cases.</summary>
    /// <param name="asConstants">Whether all inputs are initializers.</param>
    /// <param name="threads">The number of threads.</param>
    public void CheckOnce(bool asConstants, int threads) => Check(asConstants, threads);

    /// <summary>The node in a line: operator, inputs, attributes.</summary>
    public override string ToString() =>
        $"{operatorType}-{operatorSet} ({string.Join(", ", _inputs.Select(Describe))}; {string.Join(", ", _attributes.Select(Describe))})";

    /// <summary>Asserts that a session cannot be made, or not be run, and that the message names the operator.</summary>
    public void Fails<TException>()
        where TException : OnnxStreamException
    {
        byte[] model = BuildModel(asConstants: false);
        Dictionary<string, TensorBuffer> inputs = [];
        foreach ((string name, TensorBuffer? tensor, bool isConstant) in _inputs)
        {
            if (tensor is not null && !isConstant)
            {
                inputs.Add(name, tensor);
            }
        }

        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        Assert.That(
            () =>
            {
                using InferenceSession session = new(path);
                session.Run(inputs);
            },
            Throws.TypeOf<TException>().With.Message.Contains(operatorType));
    }

    /// <summary>The first output that our engine alone computes, for variants that ONNX Runtime lacks and for errors.</summary>
    public TensorBuffer Run() => RunAll()["o0"];

    /// <summary>The outputs that our engine alone computes: o0, o1 and so on.</summary>
    public RunResult RunAll()
    {
        if (_outputs.Count == 0)
        {
            _outputs.Add(ElementType.Float32);
        }

        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", BuildModel(asConstants: false)), new SessionOptions { ThreadCount = 2 });
        return session.Run(_inputs.Where(input => input.Tensor is not null && !input.IsConstant).ToDictionary(input => input.Name, input => input.Tensor!));
    }

    /// <summary>The model of the node.</summary>
    public byte[] BuildModel(bool asConstants)
    {
        if (_outputs.Count == 0)
        {
            _outputs.Add(ElementType.Float32);
        }

        ModelBuilder builder = new(operatorSet, domain);
        foreach ((string name, TensorBuffer? tensor, bool isConstant) in _inputs)
        {
            if (tensor is not null)
            {
                _ = isConstant || asConstants ? builder.Initializer(name, tensor) : builder.Input(name, tensor.ElementType, tensor.Shape.ToArray());
            }
        }

        builder.Node(domain, operatorType, string.Join(' ', _inputs.Select(input => input.Tensor is null ? "-" : input.Name)), string.Join(' ', _outputs.Select((type, i) => type == ElementType.Undefined ? "-" : $"o{i}")), [.. _attributes]);
        for (int i = 0; i < _outputs.Count; i++)
        {
            if (_outputs[i] != ElementType.Undefined)
            {
                builder.Output($"o{i}", _outputs[i]);
            }
        }

        return builder.ToBytes();
    }

    /// <summary>Compares with results that the test computes itself, for what ONNX Runtime does not support.</summary>
    /// <param name="compute">Computes the outputs from the inputs.</param>
    public void CheckAgainst(Func<IReadOnlyList<TensorBuffer>, TensorBuffer[]> compute)
    {
        TensorBuffer[] results = compute([.. _inputs.Where(input => input.Tensor is not null).Select(input => input.Tensor!)]);
        Dictionary<string, TensorBuffer> expected = [];
        for (int i = 0; i < results.Length; i++)
        {
            if (_outputs.Count == 0 || _outputs[i] != ElementType.Undefined)
            {
                expected.Add($"o{i}", results[i]);
            }
        }

        Check(asConstants: false, threads: 1, expected);
        Check(asConstants: false, threads: 3, expected);
        Check(asConstants: true, threads: 2, expected);
    }

    private static string Describe((string Name, TensorBuffer? Tensor, bool IsConstant) input) =>
        input.Tensor is null ? "none" : !input.IsConstant ? $"{input.Tensor}" : $"constant {input.Tensor} {string.Join(',', TestTensors.ToDoubles(input.Tensor).Take(12))}";

    private static string Describe((string Name, object Value) attribute) =>
        $"{attribute.Name} {(attribute.Value is Array list ? $"[{string.Join(',', list.Cast<object>())}]" : attribute.Value)}";

    private void Check(bool asConstants, int threads, Dictionary<string, TensorBuffer>? expected = null)
    {
        byte[] model = BuildModel(asConstants);
        Dictionary<string, TensorBuffer> inputs = [];
        foreach ((string name, TensorBuffer? tensor, bool isConstant) in _inputs)
        {
            if (tensor is not null && !isConstant && !asConstants)
            {
                inputs.Add(name, tensor);
            }
        }

        expected ??= Oracle.Run(model, inputs);
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads });
        for (int run = 0; run < 2; run++)
        {
            RunResult actual = session.Run(inputs);
            foreach ((string name, TensorBuffer tensor) in expected.Where(pair => int.Parse(pair.Key[1..], null) < ComparedOutputs))
            {
                TestTensors.AssertClose(actual[name], tensor, Tolerance, $"{operatorType}-{operatorSet} ({string.Join(", ", _inputs.Select(input => input.Tensor?.ToString() ?? "none"))}; {string.Join(", ", _attributes)}; constants {asConstants}, threads {threads}, run {run}) {name}");
            }
        }
    }
}
