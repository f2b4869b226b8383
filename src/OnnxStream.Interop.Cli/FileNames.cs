using System.Text;

namespace OnnxStream.Interop.Cli;

/// <summary>File names for values, whose own names hold whatever an exporter put there.</summary>
internal static class FileNames
{
    /// <summary>One name per value, in the order given, all different and good on every file system.</summary>
    /// <remarks>Letters, digits, <c>.</c>, <c>-</c> and <c>_</c> stay; anything else becomes <c>_</c>.</remarks>
    public static IReadOnlyList<string> For(IEnumerable<string> valueNames, string extension)
    {
        // File systems that ignore case must not let one output overwrite another.
        HashSet<string> used = new(StringComparer.OrdinalIgnoreCase);
        List<string> names = [];
        foreach (string valueName in valueNames)
        {
            string stem = Safe(valueName);
            string name = stem;
            for (int i = 2; !used.Add(name); i++)
            {
                name = $"{stem}_{i}";
            }

            names.Add(name + extension);
        }

        return names;
    }

    private static string Safe(string valueName)
    {
        StringBuilder safe = new(valueName.Length);
        foreach (char c in valueName)
        {
            safe.Append(char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '_');
        }

        // A leading dot hides the file or leaves the folder; a leading dash looks like an option.
        if (safe.Length == 0 || safe[0] is '.' or '-')
        {
            safe.Insert(0, '_');
        }

        return safe.ToString();
    }
}
