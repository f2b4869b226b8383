using System.CommandLine;
using System.Diagnostics;
using System.Text;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Embeddings;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream search</c>: finds passages in text files by their meaning.</summary>
internal sealed class SearchCommand : TaskCommand
{
    // What is larger is a log or data, and nobody's prose.
    private const long MostFileBytes = 16 << 20;

    private static readonly string[] s_textExtensions = [".txt", ".md", ".rst", ".adoc", ".tex", ".org"];

    // Links may lead in a circle.
    private static readonly EnumerationOptions s_enumeration = new()
    {
        RecurseSubdirectories = true,
        IgnoreInaccessible = true,
        AttributesToSkip = FileAttributes.Hidden | FileAttributes.System | FileAttributes.ReparsePoint,
    };

    private readonly Argument<string> _folder = new("FOLDER")
    {
        Description = $"A folder whose text files ({string.Join(", ", s_textExtensions)}) are searched, with the folders in it; or one file of any name.",
    };

    private readonly Option<string> _query = new("--query")
    {
        Description = "What to search for: a question, or words with the same meaning.",
        HelpName = "TEXT",
        Required = true,
    };

    private readonly Option<int> _count = NumberOption("--count", 1, 5, "The most passages to show.");

    private readonly Option<string?> _index = new("--index")
    {
        Description = "A file that keeps the vectors of passages for the next search: only what is new or has changed is computed again. It is written if it is not there.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _prefix = new("--query-prefix")
    {
        Description = "What the model wants before a query, as in \"query: \". The default is what the folder says (config_sentence_transformers.json), or nothing.",
        HelpName = "TEXT",
    };

    private readonly Option<string?> _pooling = EmbedCommand.PoolingOption();

    private readonly Option<int?> _maxTokens = EmbedCommand.MaxTokensOption();

    private readonly Option<int> _batchTokens = EmbedCommand.BatchTokensOption();

    public SearchCommand()
        : base("search", "Search text files by meaning.", EmbedCommand.Models)
    {
        Add(_folder);
        foreach (Option option in (Option[])[_query, _count, _index, _prefix, _pooling, _maxTokens, _batchTokens])
        {
            Add(option);
        }

        AddTaskOptions();
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream search docs --query \"how is memory limited?\" --model all-MiniLM-L6-v2",
        "onnxstream search docs --query \"how is memory limited?\" --model all-MiniLM-L6-v2 --index docs.index    quick from the second time on",
        "onnxstream search notes --query \"the dentist's phone number\" --model all-MiniLM-L6-v2 --count 3 --json",
        "onnxstream search docs --query \"weights on a server\" --model arctic-embed-xs --pooling cls --query-prefix \"Represent this sentence for searching relevant passages: \"",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string model = ModelPath(arguments);
        string query = arguments.GetRequiredValue(_query);
        (int fileCount, List<TextPassage> passages) = ReadPassages(arguments.GetRequiredValue(_folder), terminal, cancellationToken);
        string? file = arguments.GetValue(_index);
        const long UsualWidth = 1024;
        SearchReport report = Limit(arguments, (passages.Count + (long)arguments.GetValue(_batchTokens)) * UsualWidth * sizeof(float), options =>
        {
            long start = Stopwatch.GetTimestamp();
            TextEmbedderOptions embedderOptions = EmbedCommand.ReadOptions(arguments.GetValue(_pooling), arguments.GetValue(_maxTokens), arguments.GetValue(_batchTokens));
            using TextEmbedder embedder = new(model, embedderOptions with { QueryPrefix = arguments.GetValue(_prefix) }, options);
            double load = Seconds(Stopwatch.GetElapsedTime(start));
            start = Stopwatch.GetTimestamp();
            TextIndex index = new(file is null ? "" : embedder.ComputeIdentity());
            TextIndex? known = file is not null && File.Exists(file) ? TextIndex.Load(file) : null;

            // An index of another model is made anew.
            known = known?.Identity == index.Identity ? known : null;
            _ = ProgressDisplay.Show(terminal, report => index.Add(embedder, passages, known, new EmbeddingReporter(report, () => CollectIfLimited(arguments)), cancellationToken));
            if (file is not null)
            {
                index.Save(file);
            }

            double embed = Seconds(Stopwatch.GetElapsedTime(start));
            start = Stopwatch.GetTimestamp();
            IReadOnlyList<TextMatch> matches = index.Search(embedder.EmbedQuery(query, cancellationToken), arguments.GetValue(_count));
            return new SearchReport(
                query,
                fileCount,
                passages.Count,
                load,
                embed,
                Seconds(Stopwatch.GetElapsedTime(start)),
                PeakMemory.Bytes,
                embedder.PeakNativeBytes,
                [.. matches.Select(match => new SearchMatchReport(match.Passage.Source, match.Passage.Line, MathF.Round(match.Score, 4), match.Passage.Text))]);
        });
        if (IsJson(arguments))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            Print(report, terminal);
        }
    }

    private static (int Files, List<TextPassage> Passages) ReadPassages(string path, Terminal terminal, CancellationToken cancellationToken)
    {
        RequireExisting(path);
        string[] files = File.Exists(path)
            ? [path]
            : [.. Directory.EnumerateFiles(path, "*", s_enumeration)
                .Where(file => s_textExtensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase)).Order(StringComparer.Ordinal)];
        List<TextPassage> passages = [];
        foreach (string file in files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (new FileInfo(file).Length > MostFileBytes)
            {
                terminal.Error.WriteLine($"warning: {file} is left out: it has more than {Quantity.Bytes(MostFileBytes)}.");
                continue;
            }

            passages.AddRange(TextPassage.Split(file, File.ReadAllText(file, Encoding.UTF8)));
        }

        return passages.Count > 0 ? (files.Length, passages) : throw new UsageException(
            files.Length == 0 ? $"{path}: there are no text files ({string.Join(", ", s_textExtensions)}) in the folder." : $"{path}: there is no text in {(files.Length == 1 ? "the file" : $"its {files.Length} files")}.");
    }

    private static void Print(SearchReport report, Terminal terminal)
    {
        foreach (SearchMatchReport match in report.Matches)
        {
            terminal.Output.WriteLine($"{match.Score:0.00}  {match.File}:{match.Line}");
            foreach (string line in Fold(match.Text))
            {
                terminal.Output.WriteLine($"      {line}");
            }
        }

        terminal.Output.WriteLine($"time     {Quantity.Seconds(report.EmbedS)} for {report.Passages:N0} passages of {report.Files:N0} files, {Quantity.Seconds(report.SearchS)} for the query");
        terminal.Output.WriteLine($"memory   {Quantity.Bytes(report.PeakRssBytes)} peak of the process, {Quantity.Bytes(report.PeakNativeBytes)} of it native");
    }

    private static IEnumerable<string> Fold(string text)
    {
        const int Width = 100, MostLines = 3;
        StringBuilder line = new();
        int count = 0;
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + word.Length >= Width)
            {
                if (++count == MostLines)
                {
                    yield return $"{line} …";
                    yield break;
                }

                yield return line.ToString();
                _ = line.Clear();
            }

            _ = line.Append(line.Length > 0 ? " " : "").Append(word);
        }

        yield return line.ToString();
    }
}
