namespace OnnxStream.Interop.Http;

/// <summary>What the environment says of a hub that speaks as Hugging Face's does, and of the cache that its tools share.</summary>
/// <remarks>https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables</remarks>
internal static class HubEnvironment
{
    /// <summary>The environment variable with the address of the hub.</summary>
    public const string EndpointVariable = "HF_ENDPOINT";

    /// <summary>The address of the hub; null where the environment has none, or none that can be used.</summary>
    public static Uri? Endpoint =>
        Environment.GetEnvironmentVariable(EndpointVariable) is { Length: > 0 } text && HttpFiles.IsAddress(text) && Uri.TryCreate(text, UriKind.Absolute, out Uri? address) ? address : null;

    /// <summary>The folder of the cache: that of <c>HF_HUB_CACHE</c>, <c>hub</c> in that of <c>HF_HOME</c>, or the usual one of the user.</summary>
    public static string CacheFolder =>
        Value("HF_HUB_CACHE") ??
        (Value("HF_HOME") is { } home ? Path.Combine(home, "hub") :
        Path.Combine(Value("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "huggingface", "hub"));

    private static string? Value(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? Path.GetFullPath(value) : null;
}
