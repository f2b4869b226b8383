using System.Text.RegularExpressions;
using System.Xml;

namespace OnnxStream.Interop.Build.TestRuns;

/// <summary>The results of one test project, from the <c>.trx</c> file that <c>dotnet test</c> writes.</summary>
/// <param name="Passed">How many tests passed.</param>
/// <param name="Failed">How many tests failed.</param>
/// <param name="Skipped">The tests that were skipped, each with its reason.</param>
internal sealed partial record TestResults(int Passed, int Failed, IReadOnlyList<string> Skipped)
{
    /// <summary>How many tests there are.</summary>
    public int Count => Passed + Failed + Skipped.Count;

    /// <summary>Reads a file. One that was cut off counts as far as it goes.</summary>
    public static TestResults Read(string path)
    {
        // Tests may print what XML forbids, and that is escaped in the file.
        using XmlReader reader = XmlReader.Create(path, new XmlReaderSettings { CheckCharacters = false });
        int passed = 0;
        int failed = 0;
        List<(string Test, string? Reason)> skipped = [];
        bool isSkipped = false;
        try
        {
            while (reader.Read())
            {
                if (reader.NodeType == XmlNodeType.Element && reader.LocalName == "UnitTestResult")
                {
                    string? outcome = reader.GetAttribute("outcome");
                    isSkipped = outcome is "NotExecuted" or "Inconclusive";
                    if (isSkipped)
                    {
                        skipped.Add((reader.GetAttribute("testName") ?? "", null));
                    }
                    else if (outcome == "Passed")
                    {
                        passed++;
                    }
                    else
                    {
                        // Failed, Error, Timeout, Aborted, or something new: never counted as good.
                        failed++;
                    }
                }
                else if (reader.NodeType == XmlNodeType.Element && reader.LocalName == "Message" && isSkipped)
                {
                    isSkipped = false;
                    skipped[^1] = (skipped[^1].Test, LineBreak().Replace(reader.ReadString(), " ").Trim());
                }
                else if (reader.NodeType == XmlNodeType.EndElement && reader.LocalName == "Results")
                {
                    break;
                }
            }
        }
        catch (XmlException)
        {
            // The process died while it wrote, and its exit code says so.
        }

        return new TestResults(passed, failed, [.. skipped.Select(test => $"{test.Test}: {(string.IsNullOrEmpty(test.Reason) ? "no reason given" : test.Reason)}")]);
    }

    [GeneratedRegex(@"\s*[\r\n]+\s*")]
    private static partial Regex LineBreak();
}
