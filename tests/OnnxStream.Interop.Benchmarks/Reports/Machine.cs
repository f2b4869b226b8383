using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using BenchmarkDotNet.Environments;

namespace OnnxStream.Interop.Benchmarks.Reports;

/// <summary>What was measured on, and what.</summary>
/// <param name="Processor">The model of the processor.</param>
/// <param name="Cores">The logical processors.</param>
/// <param name="MemoryBytes">The memory that a process may use.</param>
/// <param name="OperatingSystem">The operating system.</param>
/// <param name="Runtime">The version of .NET.</param>
/// <param name="Library">The version of this library, with its commit.</param>
/// <param name="Load">How many processes computed in the last minutes, on average; null where the operating system does not tell.</param>
internal sealed partial record Machine(string Processor, int Cores, long MemoryBytes, string OperatingSystem, string Runtime, string Library, double? Load)
{
    /// <summary>The machine that this runs on.</summary>
    public static Machine Current()
    {
        HostEnvironmentInfo host = HostEnvironmentInfo.GetCurrent();
        string library = typeof(InferenceSession).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        return new Machine(
            host.Cpu.Value?.ProcessorName is { Length: > 0 } name ? name : $"{RuntimeInformation.ProcessArchitecture}",
            Environment.ProcessorCount,
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}",
            RuntimeInformation.FrameworkDescription,
            library,
            LoadAverage());
    }

    /// <summary>The processor's name as a file name: "Intel(R) Core(TM) i7" is <c>intel-core-i7</c>.</summary>
    public string Slug => OtherCharacters().Replace(Trademarks().Replace(Processor, " ").ToLowerInvariant(), "-").Trim('-');

    // Of five minutes, the second number.
    private static double? LoadAverage() =>
        System.OperatingSystem.IsLinux() ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[1], CultureInfo.InvariantCulture) : null;

    [GeneratedRegex(@"\((R|TM|C)\)", RegexOptions.IgnoreCase)]
    private static partial Regex Trademarks();

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex OtherCharacters();
}
