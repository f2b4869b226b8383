namespace OnnxStream.Interop.Language.Grammars;

/// <summary>Texts of the formats that JSON schemas name: of each, the usual ones. https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3</summary>
internal static class JsonFormats
{
    // Years 1 to 9999; the 29th of February in leap years.
    private const string Date =
        @"(?:(?:000[1-9]|00[1-9]\d|0[1-9]\d{2}|[1-9]\d{3})-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))|(?:\d{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29)";

    private const string Time = @"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,7})?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)";

    private const string Label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?";

    private const string Byte = @"(?:25[0-5]|2[0-4]\d|1\d{2}|[1-9]?\d)";

    private static readonly Dictionary<string, string> s_patterns = new()
    {
        ["date"] = $"^{Date}$",
        ["time"] = $"^{Time}$",
        ["date-time"] = $"^{Date}T{Time}$",
        ["duration"] = @"^P(?:\d{1,4}W|(?:\d{1,4}Y(?:\d{1,4}M(?:\d{1,4}D)?)?|\d{1,4}M(?:\d{1,4}D)?|\d{1,4}D)(?:T(?:\d{1,4}H(?:\d{1,4}M(?:\d{1,4}S)?)?|\d{1,4}M(?:\d{1,4}S)?|\d{1,4}S))?|T(?:\d{1,4}H(?:\d{1,4}M(?:\d{1,4}S)?)?|\d{1,4}M(?:\d{1,4}S)?|\d{1,4}S))$",
        ["uuid"] = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
        ["email"] = $@"^[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@{Label}(?:\.{Label})+$",
        ["hostname"] = $@"^{Label}(?:\.{Label})*$",
        ["ipv4"] = $@"^{Byte}(?:\.{Byte}){{3}}$",
        ["uri"] = $@"^[a-z][a-z0-9+.-]*://{Label}(?:\.{Label})*(?::\d{{1,4}})?(?:/[A-Za-z0-9._~-]*)*$",
    };

    /// <summary>The names of the formats.</summary>
    public static IEnumerable<string> Names => s_patterns.Keys;

    /// <summary>The regular expression of a format; null where it is not known.</summary>
    public static string? Find(string name) => s_patterns.GetValueOrDefault(name);
}
