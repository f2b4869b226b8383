namespace OnnxStream.Interop.Weights;

/// <summary>Says what a folder is that was taken for a model, and what to do about it.</summary>
internal static class ForeignFolder
{
    private const int Listed = 5;

    // Files that only one kind of folder has, in this order.
    private static readonly (string Pattern, string What)[] s_kinds =
    [
        ("model_index.json", "a pipeline of several models, such as Stable Diffusion. Name one of its folders, or use 'onnxstream sd'."),
        ("saved_model.pb", "a SavedModel of TensorFlow. Convert it with tf2onnx ('python -m tf2onnx.convert --saved-model FOLDER')."),
        ("Manifest.json", "a Core ML package. Use the .onnx file that it was made from."),
        ("*.safetensors", "a checkpoint without a graph. Export the network: 'optimum-cli export onnx --model NAME FOLDER'."),
        ("pytorch_model*.bin", "a checkpoint without a graph. Export the network: 'optimum-cli export onnx --model NAME FOLDER'."),
        ("*.gguf", "a folder of weights without a graph. Export the network it was made from to ONNX."),
    ];

    /// <summary>One or more sentences behind a space, or the empty text where nothing is known. Never throws.</summary>
    public static string Sentence(string folder)
    {
        try
        {
            string[] models = [.. Directory.EnumerateFiles(folder, "*.onnx").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal).Take(Listed + 1)];
            if (models.Length > 0)
            {
                return $" It holds {string.Join(", ", models.Take(Listed).Select(model => $"'{model}'"))}{(models.Length > Listed ? ", …" : "")}: name one of them.";
            }

            string? what = s_kinds.FirstOrDefault(kind => Directory.EnumerateFiles(folder, kind.Pattern).Any()).What;
            return what is null ? "" : $" It is {what}";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return $" It cannot be listed: {exception.Message}";
        }
    }
}
