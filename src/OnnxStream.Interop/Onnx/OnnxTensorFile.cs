using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop;

/// <summary>Tensor files of ONNX's test data: a serialized <c>TensorProto</c> each, <c>.pb</c>.</summary>
public static class OnnxTensorFile
{
    /// <summary>Reads a tensor file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is not a tensor.</exception>
    public static TensorBuffer Load(string path) => TensorReader.ReadFile(path);
}
