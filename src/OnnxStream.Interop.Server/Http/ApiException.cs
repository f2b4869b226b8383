using System.Diagnostics.CodeAnalysis;

namespace OnnxStream.Interop.Server.Http;

/// <summary>A request is answered with an error.</summary>
/// <param name="status">The status of HTTP.</param>
/// <param name="code">The kind of error, for programs.</param>
/// <param name="message">What is wrong and what to do, for people.</param>
/// <param name="param">The parameter that is wrong; null where none is.</param>
[SuppressMessage("Design", "CA1064", Justification = "It never leaves the server: the outermost frame of a request makes an answer of it.")]
internal sealed class ApiException(int status, string code, string message, string? param = null) : Exception(message)
{
    /// <summary>The status of HTTP.</summary>
    public int Status { get; } = status;

    /// <summary>The kind of error.</summary>
    public string Code { get; } = code;

    /// <summary>The parameter that is wrong.</summary>
    public string? Param { get; } = param;

    /// <summary>When it is worth trying again.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
