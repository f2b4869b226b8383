using System.Globalization;

namespace OnnxStream.Interop.Cli;

/// <summary>Numbers as people read them.</summary>
internal static class Quantity
{
    /// <summary>As in <c>12.3 MiB</c>.</summary>
    public static string Bytes(long bytes) => Scale(bytes, 1024, ["bytes", "KiB", "MiB", "GiB", "TiB"]);

    /// <summary>As in <c>803.2 GFLOP</c>.</summary>
    public static string Flops(long flops) => Scale(flops, 1000, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"]);

    /// <summary>As in <c>1.234 s</c>.</summary>
    public static string Seconds(double seconds) => $"{seconds:0.000} s";

    /// <summary>Reads a number of bytes with or without a unit: <c>500000000</c>, <c>128MB</c>, <c>96MiB</c>, <c>1.5G</c>.</summary>
    /// <remarks>All units are powers of 1024, those without an <c>i</c> as well.</remarks>
    public static bool TryParseBytes(string text, out long bytes)
    {
        int letters = text.AsSpan().TrimEnd().LastIndexOfAnyInRange('0', '9') + 1;
        int power = text[letters..].Trim().ToUpperInvariant() switch
        {
            "" or "B" => 0,
            "K" or "KB" or "KIB" => 1,
            "M" or "MB" or "MIB" => 2,
            "G" or "GB" or "GIB" => 3,
            "T" or "TB" or "TIB" => 4,
            _ => -1,
        };
        bytes = 0;
        if (power < 0 || !decimal.TryParse(text.AsSpan(0, letters), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out decimal number) ||
            number > (decimal)long.MaxValue / (1L << (10 * power)))
        {
            return false;
        }

        bytes = (long)(number * (1L << (10 * power)));
        return bytes > 0;
    }

    private static string Scale(double value, int unit, ReadOnlySpan<string> names)
    {
        int index = 0;
        while (Math.Abs(value) >= unit && index < names.Length - 1)
        {
            value /= unit;
            index++;
        }

        return index == 0 ? $"{value:0} {names[0]}" : $"{value:0.0} {names[index]}";
    }
}
