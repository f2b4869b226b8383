using System.CommandLine;
using System.Diagnostics;
using System.Numerics.Tensors;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Cli.Tensors;
using OnnxStream.Interop.Embeddings;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream embed</c>: turns texts into vectors.</summary>
internal sealed class EmbedCommand : TaskCommand
{
    /// <summary>What models for embeddings are.</summary>
    public const string Models = "A folder with model.onnx (or onnx/model.onnx) and vocab.txt or tokenizer.json, as Hugging Face has them, or the model file in one.";

    // More columns than that fit on no terminal.
    private const int MostCompared = 10;

    private readonly Argument<string?> _file = new("FILE")
    {
        Description = "A file with one text a line; - reads them from standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _texts = new("--text")
    {
        Description = "A text. Up to ten are compared with one another: 1 is the same direction, 0 none in common.",
        HelpName = "TEXT",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = "Write the vectors, [texts, dimensions], as an .npy file.",
        HelpName = "FILE.npy",
    };

    private readonly Option<string?> _pooling = PoolingOption();

    private readonly Option<int?> _maxTokens = MaxTokensOption();

    private readonly Option<int> _batchTokens = BatchTokensOption();

    public EmbedCommand()
        : base("embed", "Turn texts into vectors that are near where meanings are.", Models)
    {
        Add(_file);
        foreach (Option option in (Option[])[_texts, _output, _pooling, _maxTokens, _batchTokens])
        {
            Add(option);
        }

        AddTaskOptions();
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream embed --model all-MiniLM-L6-v2 --text \"a cat on a mat\" \"a kitten on a rug\" \"interest rates\"",
        "onnxstream embed sentences.txt --model all-MiniLM-L6-v2 --output vectors.npy",
        "onnxstream embed sentences.txt --model arctic-embed-xs --pooling cls --memory 64MB --json",
    ];

    /// <summary>The option that says how hidden states become a vector.</summary>
    public static Option<string?> PoolingOption()
    {
        Option<string?> option = new("--pooling")
        {
            Description = "How the states of tokens become a vector: their mean, or that of the first token. The default is what the folder says (1_Pooling/config.json), or mean.",
            HelpName = "mean|cls",
        };
        return option.AcceptOnlyFromAmong("mean", "cls");
    }

    /// <summary>The option that says where texts are cut.</summary>
    public static Option<int?> MaxTokensOption() => OptionalNumberOption("--max-tokens", 2, "The most tokens of a text; the rest is left out. The default is what the folder says, or 256.");

    /// <summary>The option that says how much is computed at once.</summary>
    public static Option<int> BatchTokensOption() => NumberOption("--batch-tokens", 1, 1024, "The most tokens of one run. Fewer take less memory.");

    /// <summary>What these options say.</summary>
    public static TextEmbedderOptions ReadOptions(string? pooling, int? maxTokens, int batchTokens) => new()
    {
        Pooling = pooling switch
        {
            "mean" => EmbeddingPooling.Mean,
            "cls" => EmbeddingPooling.Cls,
            _ => null,
        },
        MaxTokens = maxTokens,
        BatchTokens = batchTokens,
    };

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string model = ModelPath(arguments);
        string? output = arguments.GetValue(_output);
        List<string> texts = ReadTexts(arguments);
        const long UsualWidth = 1024;
        EmbeddingReport report = Limit(arguments, (texts.Count + (long)arguments.GetValue(_batchTokens)) * UsualWidth * sizeof(float), options =>
        {
            long start = Stopwatch.GetTimestamp();
            using TextEmbedder embedder = new(model, ReadOptions(arguments.GetValue(_pooling), arguments.GetValue(_maxTokens), arguments.GetValue(_batchTokens)), options);
            double load = Seconds(Stopwatch.GetElapsedTime(start));
            start = Stopwatch.GetTimestamp();
            EmbeddedTexts embedded = ProgressDisplay.Show(terminal, report => embedder.Embed(texts, new EmbeddingReporter(report, () => CollectIfLimited(arguments)), cancellationToken));
            double seconds = Seconds(Stopwatch.GetElapsedTime(start));
            if (embedded.TruncatedCount > 0)
            {
                terminal.Error.WriteLine($"warning: {embedded.TruncatedCount} of {texts.Count} texts have more than {embedder.MaxTokens} tokens; their ends were left out.");
            }

            if (output is not null)
            {
                Save(output, embedded.Vectors);
            }

            return new EmbeddingReport(
                texts.Count,
                embedded.Vectors[0].Length,
                embedded.TokenCount,
                embedded.TruncatedCount,
                embedder.Pooling == EmbeddingPooling.Cls ? "cls" : "mean",
                load,
                seconds,
                PeakMemory.Bytes,
                embedder.PeakNativeBytes,
                output,
                output is null && IsJson(arguments) ? embedded.Vectors : null,
                output is null && texts.Count is > 1 and <= MostCompared ? Compare(embedded.Vectors) : null);
        });
        if (IsJson(arguments))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            Print(report, texts, terminal);
        }
    }

    private List<string> ReadTexts(ParseResult arguments)
    {
        List<string> texts = [.. arguments.GetValue(_texts) ?? []];
        string? file = arguments.GetValue(_file);
        if (file == "-")
        {
            while (Console.In.ReadLine() is { } line)
            {
                texts.Add(line);
            }
        }
        else if (file is not null)
        {
            texts.AddRange(File.Exists(file) ? File.ReadLines(file) : throw new FileNotFoundException($"{file}: no such file.", file));
        }

        return texts.Count > 0 ? texts : throw new UsageException(file is null ? "there is no text: name a file with one text a line, or give --text TEXT." : $"{file}: there is no text in the file.");
    }

    private static IReadOnlyList<IReadOnlyList<float>> Compare(IReadOnlyList<float[]> vectors) =>
        [.. vectors.Select(a => (float[])[.. vectors.Select(b => MathF.Round(TensorPrimitives.CosineSimilarity<float>(a, b), 4))])];

    private static void Save(string path, IReadOnlyList<float[]> vectors)
    {
        TensorBuffer tensor = new(ElementType.Float32, new Shape(vectors.Count, vectors[0].Length));
        for (int i = 0; i < vectors.Count; i++)
        {
            vectors[i].CopyTo(tensor.Span<float>()[(i * vectors[i].Length)..]);
        }

        NpyFile.Save(path, tensor);
    }

    private static void Print(EmbeddingReport report, List<string> texts, Terminal terminal)
    {
        if (report.Similarities is { } similarities)
        {
            const int Shown = 40;
            Table table = new() { Border = TableBorder.Simple };
            table.AddColumns(["", "text", .. Enumerable.Range(1, texts.Count).Select(number => $"{number}")]);
            for (int i = 0; i < texts.Count; i++)
            {
                string text = texts[i].Length <= Shown ? texts[i] : $"{texts[i][..(Shown - 1)]}…";
                table.AddRow([$"{i + 1}", Markup.Escape(text), .. similarities[i].Select(similarity => $"{similarity:0.00}")]);
            }

            terminal.Write(table);
        }

        terminal.Output.WriteLine($"vectors  {report.Texts:N0} of {report.Dimensions} numbers{(report.File is null ? "" : $", in {report.File}")}");
        terminal.Output.WriteLine($"time     {Quantity.Seconds(report.TotalS)} for {report.Tokens:N0} tokens ({report.Texts / report.TotalS:0.0} texts a second), {Quantity.Seconds(report.LoadS)} to open the model");
        terminal.Output.WriteLine($"memory   {Quantity.Bytes(report.PeakRssBytes)} peak of the process, {Quantity.Bytes(report.PeakNativeBytes)} of it native");
    }
}
