
namespace OnnxStream.Interop.Conformance.Tests.Types;

/// <summary>The text files of this folder.</summary>
internal static class TypeLists
{
    /// <summary>What is left out, by operator, version, type parameter and type, with the reason; * stands for all of them.</summary>
    public static IReadOnlyDictionary<(string Operator, string Version, string Parameter, string Type), string> LeftOut { get; } = ReadLeftOut();

    /// <summary>The lines of a file that say something.</summary>
    public static IEnumerable<string> Lines(string file) =>
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Types", file)).Where(line => line.Length > 0 && line[0] != '#');

    private static Dictionary<(string Operator, string Version, string Parameter, string Type), string> ReadLeftOut()
    {
        Dictionary<(string Operator, string Version, string Parameter, string Type), string> list = [];
        foreach (string line in Lines("types-left-out.txt"))
        {
            int colon = line.IndexOf(": ", StringComparison.Ordinal);
            string[] words = line[..colon].Split(' ');
            foreach (string name in words[0].Split(','))
            {
                foreach (string version in words[1].Split(','))
                {
                    foreach (string type in words[3].Split(','))
                    {
                        list.Add((name, version, words[2], type), line[(colon + 2)..]);
                    }
                }
            }
        }

        return list;
    }
}
