namespace OnnxStream.Interop;

/// <summary>How <see cref="HttpFiles"/> talks to a server.</summary>
public sealed record HttpFilesOptions
{
    /// <summary>The environment variable that a token for any server is taken from.</summary>
    public const string TokenVariable = "ONNXSTREAM_HTTP_TOKEN";

    /// <summary>The environment variable that a token for Hugging Face's servers is taken from, as its own tools do.</summary>
    public const string HuggingFaceTokenVariable = "HF_TOKEN";

    /// <summary>
    /// The token that is sent as <c>Authorization: Bearer</c>; null (the default) for that of the environment: <see cref="HuggingFaceTokenVariable"/> for
    /// <c>huggingface.co</c>, otherwise <see cref="TokenVariable"/>. Empty for none.
    /// </summary>
    /// <remarks>It goes to the host of the address and to no other, not where a redirect leads, and only over TLS or to this machine itself. It is in no message.</remarks>
    public string? BearerToken { get; init; }

    /// <summary>How often a request is tried again after a failure that may pass (a lost connection, 408, 429, 5xx), 0 or more. The wait grows from <see cref="RetryDelay"/>, or is what the server asks for.</summary>
    public int Retries { get; init; } = 5;

    /// <summary>The wait before the first retry; each further one is about twice as long.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a server may be silent: until it begins to answer, and between two pieces of an answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many requests are under way at once, 1 or more: what is read ahead is asked for in parts.</summary>
    public int Connections { get; init; } = 4;

    /// <summary>Makes what sends requests; null for the system's sockets, with the proxy of the environment. It is disposed with the files.</summary>
    public Func<HttpMessageHandler>? CreateHandler { get; init; }
}
