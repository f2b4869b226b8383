using System.Text.Json;
using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server;

/// <summary>Members of enumerations as JSON texts such as <c>text_encoding</c>; numbers are refused.</summary>
/// <typeparam name="T">The enumeration.</typeparam>
internal sealed class SnakeCaseEnum<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
