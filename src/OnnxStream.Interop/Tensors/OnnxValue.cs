namespace OnnxStream.Interop;

/// <summary>What an input or output of a model can be: a tensor (<see cref="TensorBuffer"/>), or a sequence of tensors (<see cref="TensorSequence"/>).</summary>
/// <remarks>
/// An input that the model declares as optional (<see cref="ValueMetadata.IsOptional"/>) is either of them, or is left out. ONNX Runtime's
/// counterpart is <c>OrtValue</c>.
/// </remarks>
public abstract class OnnxValue
{
    private protected OnnxValue()
    {
    }
}
