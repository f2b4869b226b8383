using System.Diagnostics;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>Starts this program again.</summary>
internal static class OwnProcess
{
    public static ProcessStartInfo CreateStartInfo(IEnumerable<string> arguments)
    {
        // Started as `dotnet x.dll`, the process is dotnet's.
        string path = Environment.ProcessPath!;
        bool isHost = Path.GetFileNameWithoutExtension(path) == "dotnet";
        return new ProcessStartInfo(path, isHost ? [typeof(OwnProcess).Assembly.Location, .. arguments] : arguments);
    }
}
