using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Language.Models;

/// <summary>Finds out what kind of model folder it is.</summary>
internal static class ModelFolder
{
    /// <summary>Reads what a folder says of its decoder.</summary>
    /// <exception cref="ModelFormatException">It is no model folder of a kind that is known, or a file is not what it should be.</exception>
    public static DecoderDescription Read(string folder, PipelineFiles files)
    {
        if (JsonFile.ReadIfThere(Path.Combine(folder, GenAiFolder.FileName), files) is { } genAi)
        {
            return GenAiFolder.Read(folder, genAi, files);
        }

        if (JsonFile.ReadIfThere(Path.Combine(folder, OptimumFolder.FileName), files) is { } optimum)
        {
            return OptimumFolder.Read(folder, optimum, files);
        }

        throw new ModelFormatException(folder, $"this is not the folder of a language model: it has neither {GenAiFolder.FileName} (ONNX Runtime GenAI) nor {OptimumFolder.FileName} (optimum).");
    }
}
