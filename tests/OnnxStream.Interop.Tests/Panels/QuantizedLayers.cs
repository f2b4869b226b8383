namespace OnnxStream.Interop.Tests.Panels;

/// <summary>Runs models with panel stores of a type, and makes whole numbers that few bits hold.</summary>
internal sealed class QuantizedLayers : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Runs a model with the input x and the output y.</summary>
    /// <param name="model">The model.</param>
    /// <param name="type">The type of its panel store; null for none.</param>
    /// <param name="data">The input.</param>
    /// <param name="kernels">The names of the kernels of its plan.</param>
    /// <param name="threads">The threads.</param>
    /// <param name="activations">How activations are stored.</param>
    public TensorBuffer Run(ModelBuilder model, ElementType? type, TensorBuffer data, out string[] kernels, int threads = 2, ElementType activations = ElementType.Float32)
    {
        string path = _folder.Write("model.onnx", model.ToBytes());
        PanelStoreOptions store = type is { } stored ? PanelStoreOptions.File(StorePath(stored)) with { ElementType = stored } : PanelStoreOptions.Off;
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, PanelStore = store, ActivationElementType = activations });
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = data };
        kernels = [.. session.Plan(inputs.ToDictionary(input => input.Key, input => input.Value.Type)).Steps.Select(step => step.KernelName)];
        return session.Run(inputs)["y"];
    }

    /// <summary>The bytes of the store of a type.</summary>
    public long StoreBytes(ElementType type) => new FileInfo(StorePath(type)).Length;

    /// <summary>Whole numbers from <paramref name="low"/> to <paramref name="high"/>.</summary>
    public static TensorBuffer Whole(int seed, int low, int high, params long[] shape)
    {
        Random random = new(seed);
        TensorBuffer tensor = TestTensors.Floats(seed, shape);
        foreach (ref float element in tensor.Span<float>())
        {
            element = random.Next(low, high + 1);
        }

        return tensor;
    }

    /// <summary>Whole numbers that 8 bits hold. Each row has both ends of their range, so that its scale is 1 and its zero point 0.</summary>
    public static TensorBuffer Rows(int seed, int rows, int length)
    {
        TensorBuffer tensor = Whole(seed, -128, 127, rows, length);
        for (int row = 0; row < rows; row++)
        {
            tensor.Span<float>()[row * length + row % length] = -128;
            tensor.Span<float>()[row * length + (row + 7) % length] = 127;
        }

        return tensor;
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    private string StorePath(ElementType type) => _folder[$"{type}.panels"];
}
