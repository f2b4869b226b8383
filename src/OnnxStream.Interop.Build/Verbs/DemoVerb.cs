namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Makes pictures from text with the model that is in the repository.</summary>
internal static class DemoVerb
{
    private const string Model = "src/OnnxStream.Interop.Diffusion/Models/tiny-shapes";
    private const string DefaultPrompt = "a yellow star on a blue background";
    private const string Folder = "artifacts/demo";

    /// <summary>Runs the verb: its argument is the prompt.</summary>
    public static void Run(BuildHost host, IReadOnlyList<string> arguments)
    {
        string tool = BuildVerb.Run(host);
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("DOTNET_ROOT")))
        {
            // A tool that was not compiled ahead of time looks for .NET. Where that was installed by hand, only `dotnet` itself knows where it is.
            Environment.SetEnvironmentVariable("DOTNET_ROOT", Path.GetDirectoryName(ExternalProgram.Dotnet));
        }

        _ = Directory.CreateDirectory(Folder);
        string prompt = arguments.Count > 0 && arguments[0].Length > 0 ? arguments[0] : DefaultPrompt;
        ExternalProgram.Run(
            tool, "sd", prompt, "--model", Model, "--count", "4", "--grid", "--seed", "1", "--enlarge", "4", "--output", $"{Folder}/picture.png");
    }
}
