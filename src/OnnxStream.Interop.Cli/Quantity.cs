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
