namespace OnnxStream.Interop.Cli;

/// <summary>The small model for pictures that lies beside the tool: what <c>sd</c> draws with where no other is named.</summary>
internal static class DemoModel
{
    /// <summary>Its folder.</summary>
    /// <exception cref="UsageException">It is not there.</exception>
    public static string Locate()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "tiny-shapes");
        return File.Exists(Path.Combine(folder, "model_index.json")) ? folder : throw new UsageException($"--model is needed: the demo model does not lie beside the tool, in {folder}.");
    }
}
