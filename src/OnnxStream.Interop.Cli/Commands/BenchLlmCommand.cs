using System.CommandLine;
using System.Globalization;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Language;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream bench-llm</c>: measures how quick prompts and tokens are, as llama-bench does.</summary>
internal sealed class BenchLlmCommand : LanguageCommand
{
    private readonly Option<int[]> _prompts = Numbers("--prompt-tokens", "The tokens of a prompt, or several numbers with commas between them; 0 for no such test.", 128);

    private readonly Option<int[]> _tokens = Numbers("--gen-tokens", "The tokens that are made one by one, or several numbers with commas between them; 0 for no such test.", 32);

    private readonly Option<int> _repetitions = NumberOption("--repetitions", 1, 3, "How many times each test is measured, behind one that is not.");

    private readonly Option<bool> _json = JsonOption();

    public BenchLlmCommand()
        : base("bench-llm", "Measure how quick a language model is.")
    {
        Add(_prompts);
        Add(_tokens);
        Add(_repetitions);
        AddModelOptions();
        Add(_json);
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream bench-llm models/llama",
        "onnxstream bench-llm models/llama --prompt-tokens 128,512 --gen-tokens 64 --threads 2 --json",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        int[] prompts = [.. arguments.GetRequiredValue(_prompts).Where(count => count > 0)];
        int[] tokens = [.. arguments.GetRequiredValue(_tokens).Where(count => count > 0)];
        int repetitions = arguments.GetValue(_repetitions);
        WithModel(arguments, terminal, (model, _) =>
        {
            int most = Math.Max(prompts.DefaultIfEmpty().Max() + 1, tokens.DefaultIfEmpty().Max() + 2);
            if (most > model.ContextLength)
            {
                throw new UsageException($"The tests need a context of {most} tokens; it has {model.ContextLength}.");
            }

            using Conversation conversation = model.CreateConversation();
            long peak = 0;
            List<BenchLlmTest> tests = [];
            foreach (int count in prompts)
            {
                tests.Add(Measure(terminal, $"pp{count}", count, repetitions, seed => Run(conversation, count, 1, seed, ref peak, cancellationToken).PromptDuration));
            }

            foreach (int count in tokens)
            {
                tests.Add(Measure(terminal, $"tg{count}", count, repetitions, seed => Run(conversation, 1, count + 1, seed, ref peak, cancellationToken).TokensDuration));
            }

            string folder = Folder(arguments);
            BenchLlmReport report = new(
                model.Name,
                File.Exists(folder) ? new FileInfo(folder).Length : Directory.EnumerateFiles(folder, "*.onnx*").Sum(file => new FileInfo(file).Length),
                arguments.GetValue<int>("--threads") is > 0 and var threads ? threads : Environment.ProcessorCount,
                tests,
                PeakMemory.Bytes,
                peak);
            if (arguments.GetValue(_json))
            {
                terminal.Output.WriteLine(ReportJson.Serialize(report));
            }
            else
            {
                Print(report, terminal);
            }
        }, cancellationToken);
    }

    private static Generation Run(Conversation conversation, int promptLength, int count, int seed, ref long peak, CancellationToken cancellationToken)
    {
        conversation.Clear();
        Random random = new(seed);
        int[] prompt = [.. Enumerable.Range(0, promptLength).Select(_ => random.Next(conversation.Model.VocabularySize))];
        Generation generation = conversation.Generate(prompt, new GenerationOptions { MostTokens = count, IgnoreEndTokens = true }, progress: null, cancellationToken);
        _ = generation.Count();
        peak = Math.Max(peak, generation.PeakNativeBytes);
        return generation;
    }

    private static BenchLlmTest Measure(Terminal terminal, string name, int count, int repetitions, Func<int, TimeSpan> run)
    {
        // The first one plans, and brings the weights into the system's cache.
        run(0);
        double[] seconds = new double[repetitions];
        for (int i = 0; i < repetitions; i++)
        {
            seconds[i] = Seconds(run(i + 1));
            terminal.Report($"{name}: {count / seconds[i]:0.00} tokens a second");
        }

        double[] rates = [.. seconds.Select(duration => count / duration)];
        double mean = rates.Average();
        double deviation = rates.Length > 1 ? Math.Sqrt(rates.Sum(rate => (rate - mean) * (rate - mean)) / (rates.Length - 1)) : 0;
        return new BenchLlmTest(name, Math.Round(mean, 3), Math.Round(deviation, 3), seconds);
    }

    private static void Print(BenchLlmReport report, Terminal terminal)
    {
        Table table = new() { Border = TableBorder.Markdown };
        table.AddColumns("model", "size", "threads", "test", "t/s");
        foreach (BenchLlmTest test in report.Tests)
        {
            table.AddRow(Markup.Escape(report.Model), Quantity.Bytes(report.ModelBytes), report.Threads.ToString(CultureInfo.InvariantCulture), test.Test, $"{test.TokensPerS:0.00} ± {test.DeviationTokensPerS:0.00}");
        }

        terminal.Write(table);
        terminal.Output.WriteLine($"memory   {Quantity.Bytes(report.PeakRssBytes)} peak of the process, {Quantity.Bytes(report.PeakNativeBytes)} of it native");
    }

    private static Option<int[]> Numbers(string name, string description, int otherwise) => new(name)
    {
        Description = $"{description} The default is {otherwise}.",
        HelpName = "N,N",
        DefaultValueFactory = _ => [otherwise],
        CustomParser = result =>
        {
            List<int> numbers = [];
            foreach (string part in result.Tokens[0].Value.Split(','))
            {
                if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                {
                    result.AddError($"{name} {result.Tokens[0].Value}: expected whole numbers with commas between them, as in 128,512.");
                    return [];
                }

                numbers.Add(number);
            }

            return [.. numbers];
        },
    };
}
