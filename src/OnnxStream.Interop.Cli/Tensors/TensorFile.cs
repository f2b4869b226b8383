namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>A tensor in a file, in the format that the file's name says.</summary>
internal static class TensorFile
{
    /// <summary>The formats, for messages.</summary>
    public const string Formats = ".npy (NumPy) or .pb (ONNX TensorProto)";

    /// <summary>Reads a <c>.npy</c> or <c>.pb</c> file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="UsageException">The name says neither.</exception>
    /// <exception cref="ModelFormatException">The file is not what its name says.</exception>
    public static TensorBuffer Load(string path)
    {
        // What is no file is hardly the name of one if it does not end like one.
        string extension = Path.GetExtension(path).ToLowerInvariant();
        if (!File.Exists(path))
        {
            throw extension is ".npy" or ".pb" ? new FileNotFoundException($"{path}: no such file.", path) : new UsageException($"'{path}' is neither a file nor anything else that an input can be: {InputTensors.Values}.");
        }

        return extension switch
        {
            ".npy" => NpyFile.Load(path),
            ".pb" => OnnxTensorFile.Load(path),
            _ => throw new UsageException($"{path}: a tensor file ends with {Formats}. An input may be {InputTensors.Values}."),
        };
    }

    /// <summary>Reads a file for an input. Bytes, which NumPy has instead of 8-bit and 4-bit floats and of integers of 4 and 2 bits, become what the model declares.</summary>
    /// <param name="path">The file.</param>
    /// <param name="declared">The type that the model declares for the input.</param>
    /// <inheritdoc cref="Load(string)"/>
    public static TensorBuffer Load(string path, ElementType declared)
    {
        TensorBuffer tensor = Load(path);
        if (!declared.IsNarrow() || tensor.ElementType is not (ElementType.UInt8 or ElementType.Int8))
        {
            return tensor;
        }

        TensorBuffer same = new(declared, tensor.Shape);
        tensor.Bytes.CopyTo(same.Bytes);
        return same;
    }
}
