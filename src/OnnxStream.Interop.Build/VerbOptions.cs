namespace OnnxStream.Interop.Build;

/// <summary>The options of <c>native</c> and <c>publish</c>.</summary>
/// <param name="RuntimeIdentifier">The platform to build for, or null for this machine's.</param>
/// <param name="AllowGcc">Whether GCC will do where there is no Clang.</param>
/// <param name="MakesImage">Whether there shall be a container image.</param>
internal sealed record VerbOptions(string? RuntimeIdentifier, bool AllowGcc, bool MakesImage = false)
{
    /// <summary>Reads options.</summary>
    /// <param name="verb">The verb that they belong to.</param>
    /// <param name="exampleRid">A runtime identifier for the message that says that one is missing.</param>
    /// <param name="mayAllowGcc">Whether the verb has the option <c>--allow-gcc</c>.</param>
    /// <param name="arguments">What follows the verb.</param>
    /// <param name="mayMakeImage">Whether the verb has the option <c>--image</c>.</param>
    public static VerbOptions Parse(string verb, string exampleRid, bool mayAllowGcc, IReadOnlyList<string> arguments, bool mayMakeImage = false)
    {
        VerbOptions options = new(null, false);
        for (int i = 0; i < arguments.Count; i++)
        {
            options = arguments[i] switch
            {
                "--rid" when i + 1 == arguments.Count =>
                    throw new BuildFailedException($"{verb}: --rid needs a runtime identifier, such as {exampleRid}"),
                "--rid" => options with { RuntimeIdentifier = arguments[++i] },
                "--image" when mayMakeImage => options with { MakesImage = true },
                "--allow-gcc" when mayAllowGcc => options with { AllowGcc = true },
                string other => throw new BuildFailedException($"{verb}: unknown option '{other}'. Try: {CommandLine.Script} help"),
            };
        }

        return options;
    }
}
