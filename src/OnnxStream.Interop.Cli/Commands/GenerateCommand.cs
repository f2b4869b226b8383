using System.CommandLine;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Language;
using OnnxStream.Interop.Language.Templates;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream generate</c>: goes on with a text.</summary>
internal sealed class GenerateCommand : LanguageCommand
{
    private readonly Option<string?> _prompt = new("--prompt", "-p")
    {
        Description = "The text to go on with.",
        HelpName = "TEXT",
    };

    private readonly Option<string?> _file = new("--file", "-f")
    {
        Description = "A file with the text, in UTF-8.",
        HelpName = "FILE",
    };

    private readonly Option<bool> _chat = new("--chat")
    {
        Description = "Write the prompt as a message in the model's chat template, so that the model answers instead of going on.",
    };

    private readonly Option<bool> _ignoreEnd = new("--ignore-end")
    {
        Description = "Go on behind tokens that end an answer, for measurements.",
    };

    private readonly Option<bool> _logProbabilities = new("--log-probabilities")
    {
        Description = "With --json: report how likely the model found each token.",
    };

    private readonly Option<bool> _json = JsonOption();

    public GenerateCommand()
        : base("generate", "Go on with a text with a language model.")
    {
        Add(_prompt);
        Add(_file);
        Add(_chat);
        AddSamplingOptions();
        Add(_ignoreEnd);
        Add(_logProbabilities);
        AddModelOptions();
        Add(_json);
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream generate models/llama --prompt \"Once upon a time\" --max-tokens 100",
        "onnxstream generate models/llama --prompt \"What is a prime number?\" --chat --temperature 0.7 --top-p 0.9 --seed 1",
        "onnxstream generate models/llama --file story.txt --context 1024 --memory 300MB     never more than that; a limit that is too small is refused",
        "onnxstream generate models/llama --file code.py --lookup 7 --json                   guesses from the prompt are checked several at a time",
        "onnxstream generate models/llama --prompt \"Is 7 prime?\" --chat --grammar 'root ::= \"yes\" | \"no\"'",
        "onnxstream generate models/llama --prompt \"A person:\" --json-schema person.json     the answer is JSON that fits the schema",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string? text = arguments.GetValue(_prompt);
        string? file = arguments.GetValue(_file);
        if ((text is null) == (file is null))
        {
            throw new UsageException("Give the text with --prompt TEXT, or with --file FILE.");
        }

        string prompt = text ?? File.ReadAllText(file!);
        bool isJson = arguments.GetValue(_json);

        // What is wrong with a grammar is said before a model is opened.
        _ = ReadGrammar(arguments);
        WithModel(arguments, terminal, (model, loadSeconds) =>
        {
            GenerationOptions options = ReadSampling(arguments, model.DefaultOptions) with
            {
                IgnoreEndTokens = arguments.GetValue(_ignoreEnd),
                TopLogProbabilities = arguments.GetValue(_logProbabilities) ? 0 : null,
            };
            bool isChat = arguments.GetValue(_chat);
            if (isChat)
            {
                ChatTemplate template = model.ChatTemplate ?? throw new UsageException("--chat: the model's folder has no chat template.");
                prompt = template.Apply([new TemplateMessage("user", prompt)]);
            }

            IReadOnlyList<int> tokens = model.Tokenizer.Encode(prompt, addSpecialTokens: !isChat);
            using Conversation conversation = model.CreateConversation();
            (Generation generation, List<GeneratedToken> answer) = ProgressAndText(terminal, conversation, tokens, options, isJson, cancellationToken);
            if (!isJson)
            {
                terminal.Output.WriteLine();
                terminal.Report(Describe(generation));
                return;
            }

            terminal.Output.WriteLine(ReportJson.Serialize(new AnswerReport(
                model.Name,
                prompt,
                string.Concat(answer.Select(token => token.Text)),
                [.. answer.Select(token => token.Id)],
                generation.FinishReason switch { FinishReason.EndToken => "end_token", FinishReason.StopString => "stop_string", FinishReason.Grammar => "grammar", _ => "length" },
                generation.PromptTokenCount,
                Seconds(generation.PromptDuration),
                Rate(generation.PromptTokenCount, generation.PromptDuration),
                Seconds(generation.TokensDuration),
                Rate(generation.TokenCount - 1, generation.TokensDuration),
                generation.RunCount,
                loadSeconds,
                model.ContextLength,
                PeakMemory.Bytes,
                generation.PeakNativeBytes,
                Memory(arguments),
                options.TopLogProbabilities is null ? null : [.. answer.Select(token => token.LogProbability!.Value)])));
        }, cancellationToken);
    }

    private static (Generation Generation, List<GeneratedToken> Answer) ProgressAndText(
        Terminal terminal, Conversation conversation, IReadOnlyList<int> tokens, GenerationOptions options, bool isJson, CancellationToken cancellationToken)
    {
        // The bar is for the prompt; it must be gone before text appears.
        PromptReporter progress = new(tokens.Count);
        Generation generation = conversation.Generate(tokens, options, progress, cancellationToken);
        List<GeneratedToken> answer = [];
        using IEnumerator<GeneratedToken> enumerator = generation.GetEnumerator();
        bool isThere = ProgressDisplay.Show(terminal, report =>
        {
            progress.Display = report;
            return enumerator.MoveNext();
        });
        while (isThere)
        {
            answer.Add(enumerator.Current);
            if (!isJson)
            {
                terminal.Output.Write(enumerator.Current.Text);
                terminal.Output.Flush();
            }

            isThere = enumerator.MoveNext();
        }

        return (generation, answer);
    }

    private sealed class PromptReporter(int count) : IProgress<int>
    {
        public ProgressDisplay.Reporter? Display { get; set; }

        public void Report(int value) => Display?.Invoke("reading the prompt", (double)value / count);
    }
}
