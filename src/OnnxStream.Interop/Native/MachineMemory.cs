using System.Globalization;

namespace OnnxStream.Interop.Native;

/// <summary>How much memory there is: what no plan can need more of.</summary>
internal static class MachineMemory
{
    private static readonly Lazy<long> s_bytes = new(() => Measure("/"));

    /// <summary>The physical memory of the machine, or the limit of the container that this process runs in, in bytes.</summary>
    public static long Bytes => s_bytes.Value;

    /// <summary>What files may take of the system's cache, in bytes: half of the memory that is free or easily freed, and a quarter of <see cref="Bytes"/>.</summary>
    public static long BytesForFiles => Math.Min(Bytes / 4, OperatingSystem.IsLinux() ? Line("/proc/meminfo", "MemAvailable:") / 2 : long.MaxValue);

    /// <summary>As <see cref="Bytes"/>, with the files of Linux under <paramref name="root"/>.</summary>
    public static long Measure(string root)
    {
        // What .NET says also knows limits of its own heap, which are none for native memory.
        long bytes = OperatingSystem.IsLinux() ? Total(Path.Combine(root, "proc/meminfo")) : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        foreach (string file in LimitFiles(root))
        {
            // "max", or a number near 2^63, is no limit.
            if (long.TryParse(Read(file), NumberStyles.None, CultureInfo.InvariantCulture, out long limit) && limit > 0)
            {
                bytes = Math.Min(bytes, limit);
            }
        }

        return bytes;
    }

    // MemTotal:       24684084 kB
    private static long Total(string file) => Line(file, "MemTotal:");

    private static long Line(string file, string name)
    {
        string line = Read(file).Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal), "");
        return line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, { } number, ..] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes)
            ? kibibytes * 1024
            : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
    }

    // The limits of the control groups around this process: of version 1 ("4:memory:/a/b") and of version 2 ("0::/a/b").
    // In a container the path may be the one outside of it; the limit is then at the root.
    private static IEnumerable<string> LimitFiles(string root)
    {
        foreach (string[] fields in Read(Path.Combine(root, "proc/self/cgroup")).Split('\n').Select(line => line.Split(':', 3)).Where(fields => fields.Length == 3))
        {
            (string Folder, string File)? version =
                fields[1].Split(',').Contains("memory") ? ("sys/fs/cgroup/memory", "memory.limit_in_bytes") :
                fields[1].Length == 0 ? ("sys/fs/cgroup", "memory.max") : null;
            if (version is not { } found)
            {
                continue;
            }

            string folder = Path.Combine(root, found.Folder);
            yield return Path.Combine(folder, found.File);
            foreach (string part in fields[2].Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                folder = Path.Combine(folder, part);
                yield return Path.Combine(folder, found.File);
            }
        }
    }

    private static string Read(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllText(file).Trim() : "";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
