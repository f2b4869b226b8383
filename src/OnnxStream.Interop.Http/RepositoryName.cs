using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Http;

/// <summary>The name of a repository on a hub.</summary>
internal static partial class RepositoryName
{
    /// <summary>Takes <c>OWNER/NAME</c> or <c>OWNER/NAME@REVISION</c> apart.</summary>
    /// <param name="text">The text.</param>
    /// <param name="repository"><c>OWNER/NAME</c>.</param>
    /// <param name="revision">The revision; <c>main</c> if none is given.</param>
    /// <returns>Whether it is one.</returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out string repository, out string revision)
    {
        Match match = Pattern().Match(text);
        repository = match.Groups["repository"].Value;
        revision = match.Groups["revision"] is { Success: true } group ? group.Value : "main";
        return match.Success && !repository.Contains("--", StringComparison.Ordinal) && !repository.Contains("..", StringComparison.Ordinal) && !revision.Contains("..", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^(?<repository>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95})(@(?<revision>[A-Za-z0-9_][\w./-]{0,199}))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
