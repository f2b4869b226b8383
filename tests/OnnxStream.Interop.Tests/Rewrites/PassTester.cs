using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Tests.Rewrites;

/// <summary>Builds a graph with inputs for it, says what the rewrites make of it, and compares its results with ONNX Runtime's, rewritten and as written.</summary>
internal sealed class PassTester(int operatorSet = 17)
{
    private readonly ModelBuilder _builder = new(operatorSet);
    private readonly Dictionary<string, TensorBuffer> _inputs = [];
    private Graph? _graph;

    /// <summary>The tolerance of the comparison, absolute below 1 and relative above.</summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>An input of the graph; with <paramref name="constant"/> an initializer.</summary>
    public PassTester Input(string name, TensorBuffer tensor, bool constant = false)
    {
        if (constant)
        {
            return Constant(name, tensor);
        }

        _builder.Input(name, tensor.ElementType, tensor.Shape.ToArray());
        _inputs.Add(name, tensor);
        return this;
    }

    /// <summary>An initializer.</summary>
    public PassTester Constant(string name, TensorBuffer tensor)
    {
        _builder.Initializer(name, tensor);
        return this;
    }

    /// <summary>An initializer of rank 0.</summary>
    public PassTester Scalar(string name, float value) => Constant(name, TensorBuffer.Create<float>([value]));

    /// <summary>An initializer of int64.</summary>
    public PassTester Integers(string name, params long[] values) => Constant(name, TestTensors.Integers(values));

    public PassTester Node(string operatorType, string inputs, string outputs, params (string Name, object Value)[] attributes)
    {
        _builder.Node(operatorType, inputs, outputs, attributes);
        return this;
    }

    /// <summary>Applies a function that adds nodes.</summary>
    public PassTester With(Func<PassTester, PassTester> add) => add(this);

    public PassTester Output(string name, ElementType type = ElementType.Float32)
    {
        _builder.Output(name, type);
        return this;
    }

    /// <summary>Asserts what is left after all rewrites, as in <c>2 Add, 1 onnxstream.Attention</c>.</summary>
    public PassTester Becomes(string description)
    {
        Assert.That(RewrittenGraph.Describe(Rewritten), Is.EqualTo(description));
        return this;
    }

    /// <summary>Asserts that an operator is left that often after all rewrites.</summary>
    public PassTester Has(int count, string operatorType)
    {
        Assert.That(Rewritten.Nodes.Count(node => RewrittenGraph.Name(node) == operatorType), Is.EqualTo(count), () => $"{operatorType} in: {RewrittenGraph.Describe(Rewritten)}");
        return this;
    }

    /// <summary>The graph after all rewrites.</summary>
    public Graph Rewritten
    {
        get
        {
            if (_graph is null)
            {
                using TemporaryFolder folder = new();
                _graph = RewrittenGraph.Of(Model.Load(folder.Write("model.onnx", _builder.ToBytes())), _inputs.ToDictionary(pair => pair.Key, pair => pair.Value.Shape));
            }

            return _graph;
        }
    }

    /// <summary>Compares the results.</summary>
    public void Check(int threads = 2)
    {
        Dictionary<string, TensorBuffer> expected = Expected();
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", _builder.ToBytes());
        foreach ((bool rewrite, int count) in new[] { (true, 1), (true, threads), (false, 1) })
        {
            using InferenceSession session = new(path, new SessionOptions { ThreadCount = count, RewriteGraph = rewrite });
            RunResult actual = session.Run(_inputs);
            foreach ((string name, TensorBuffer tensor) in expected)
            {
                TestTensors.AssertClose(actual[name], tensor, Tolerance, $"{name} ({(rewrite ? "rewritten: " + RewrittenGraph.Describe(Rewritten) : "as written")}, {count} thread(s), inputs {string.Join(", ", _inputs.Select(input => $"{input.Key} {input.Value}"))})");
            }
        }
    }

    /// <summary>The kernels that compute the rewritten graph.</summary>
    public IEnumerable<string> KernelNames()
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", _builder.ToBytes()), new SessionOptions { PlanOnly = true, ThreadCount = 1 });
        return [.. session.Plan().Steps.Select(step => step.KernelName)];
    }

    /// <summary>Stores activations in half precision and asserts that results differ from the exact ones, but little; returns the plan.</summary>
    public PlanSummary CheckInHalf(int threads = 2, double tolerance = 2e-3) => CheckStored(ElementType.Float16, threads, tolerance);

    /// <summary>Stores activations in a type and asserts that results differ from the exact ones, but little, and are the same for any number of threads; returns the plan.</summary>
    public PlanSummary CheckStored(ElementType stored, int threads, double tolerance)
    {
        using TemporaryFolder folder = new();
        SessionOptions options = new() { ThreadCount = threads };
        string path = folder.Write("model.onnx", _builder.ToBytes());
        using InferenceSession exact = new(path, options);
        using InferenceSession rounded = new(path, options with { ActivationElementType = stored });
        RunResult expected = exact.Run(_inputs);
        RunResult actual = rounded.Run(_inputs);
        foreach ((string name, TensorBuffer tensor) in Expected())
        {
            Assert.That(TestTensors.RelativeRms(expected[name], tensor), Is.LessThan(1e-5), name);
            Assert.That(TestTensors.RelativeRms(actual[name], tensor), Is.InRange(1e-6, tolerance), name);
        }

        Assert.That(rounded.Plan().SmallestBudgetBytes, Is.GreaterThanOrEqualTo(rounded.Plan().PeakNativeBytes));
        return rounded.Plan();
    }

    /// <summary>The model.</summary>
    public byte[] ToBytes() => _builder.ToBytes();

    /// <summary>ONNX Runtime's results.</summary>
    public Dictionary<string, TensorBuffer> Expected() => Oracle.Run(_builder.ToBytes(), _inputs, asWritten: true);

    /// <summary>Our results for the rewritten graph.</summary>
    public RunResult Run(int threads = 1)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", _builder.ToBytes()), new SessionOptions { ThreadCount = threads });
        return session.Run(_inputs);
    }
}
