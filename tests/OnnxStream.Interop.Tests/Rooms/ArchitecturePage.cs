using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Tests.Rooms;

/// <summary>The parts of docs/architecture.md that can be compared with the sources.</summary>
internal sealed partial class ArchitecturePage
{
    private const string TableHeader = "| room | what it is for | knows |";

    private ArchitecturePage(IReadOnlyDictionary<string, IReadOnlySet<string>> rooms, IReadOnlyList<Hop> hops)
    {
        Rooms = rooms;
        Hops = hops;
    }

    /// <summary>The rooms of the table, each with those that it knows.</summary>
    public IReadOnlyDictionary<string, IReadOnlySet<string>> Rooms { get; }

    /// <summary>The steps of the two ways through the code.</summary>
    public IReadOnlyList<Hop> Hops { get; }

    public static ArchitecturePage Read()
    {
        string[] lines = File.ReadAllLines(Repository.PathOf("docs", "architecture.md"));
        int header = Array.IndexOf(lines, TableHeader);
        Assert.That(header, Is.GreaterThanOrEqualTo(0), $"docs/architecture.md has no table '{TableHeader}'");
        Dictionary<string, IReadOnlySet<string>> rooms = [];
        foreach (string line in lines.Skip(header + 2).TakeWhile(line => line.StartsWith('|')))
        {
            string[] cells = line.Trim('|').Split('|', StringSplitOptions.TrimEntries);
            rooms.Add(cells[0].Trim('`', '/'), new HashSet<string>(cells[2] == "nothing" ? [] : cells[2].Split(',', StringSplitOptions.TrimEntries)));
        }

        return new ArchitecturePage(rooms, [.. lines.Select(line => HopPattern().Match(line)).Where(match => match.Success)
            .Select(match => new Hop(match.Groups["type"].Value, match.Groups["member"].Value, match.Groups["file"].Value))]);
    }

    // 3. `Type.Member` (`Folder/File.cs`)
    [GeneratedRegex(@"^ *\d+\. `(?<type>\w+)\.(?<member>\w+)` \(`(?<file>[\w./]+\.cs)`\)")]
    private static partial Regex HopPattern();
}
