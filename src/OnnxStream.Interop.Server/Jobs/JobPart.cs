using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server.Jobs;

/// <summary>A file of a result.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="ContentType">What they are: <c>image/png</c>, <c>text/plain; charset=utf-8</c>, <c>application/json</c>.</param>
public sealed record JobPart([property: JsonIgnore] byte[] Content, string ContentType)
{
    /// <summary>The number of bytes.</summary>
    public int Bytes => Content.Length;

    /// <summary>The width of a picture in pixels.</summary>
    public int? Width { get; init; }

    /// <summary>The height of a picture in pixels.</summary>
    public int? Height { get; init; }

    /// <summary>The seed of a picture.</summary>
    public long? Seed { get; init; }

    /// <summary>How a picture was made, as programs of this field write it.</summary>
    public string? Parameters { get; init; }
}
