namespace OnnxStream.Interop.Language.Decoding;

/// <summary>The inputs of a text's runs, which are filled anew for each.</summary>
internal sealed class InputTensors
{
    private readonly Dictionary<(string Name, int Length), TensorBuffer> _tensors = [];

    /// <summary>The tensor for an input that is a line of whole numbers.</summary>
    public TensorBuffer GetLine(string name, int length)
    {
        if (!_tensors.TryGetValue((name, length), out TensorBuffer? tensor))
        {
            _tensors.Add((name, length), tensor = new TensorBuffer(ElementType.Int64, new Shape(length)));
        }

        return tensor;
    }

    /// <summary>The tensor for an input in runs of a length.</summary>
    public TensorBuffer Get(string name, ElementType type, int length)
    {
        if (!_tensors.TryGetValue((name, length), out TensorBuffer? tensor))
        {
            _tensors.Add((name, length), tensor = new TensorBuffer(type, new Shape(1, length)));
        }

        return tensor;
    }
}
