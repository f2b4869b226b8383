using System.Globalization;

namespace OnnxStream.Interop.Tensors;

/// <summary>Numbers in a row.</summary>
internal static class Listing
{
    /// <summary>The numbers with commas between them, the same under every culture.</summary>
    public static string Of<T>(IEnumerable<T> values)
        where T : IFormattable =>
        string.Join(',', values.Select(value => value.ToString(null, CultureInfo.InvariantCulture)));
}
