using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Language;
using OnnxStream.Interop.Language.Grammars;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary>A command that answers with a language model.</summary>
internal abstract class LanguageCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL")
    {
        Description = "The folder of a language model: ONNX Runtime GenAI's (genai_config.json), or optimum's (config.json, a decoder with its cache). Or a .gguf file.",
    };

    private readonly Option<int?> _context = OptionalNumberOption("--context", 1, "The most tokens of prompt and answer together; the default is what the model was made for. Memory for the cache of so many is reserved.");

    private readonly Option<int?> _chunk = OptionalNumberOption("--chunk", 1, "How many tokens of a prompt are computed at once; the default is what the model says, or 128. More are quicker and need more memory.");

    private readonly Option<string?> _cacheType = CacheTypeOption();

    private readonly Option<int?> _mostTokens = OptionalNumberOption("--max-tokens", 1, "The most tokens of an answer; the default is what the context has room for.");

    private readonly Option<float?> _temperature = Number("--temperature", 0, float.MaxValue, "What scores are divided by before a token is drawn; 0 takes the likeliest. The default is what the model says.");

    private readonly Option<int?> _topK = OptionalNumberOption("--top-k", 0, "How many of the likeliest tokens may be drawn; 0 for all.");

    private readonly Option<float?> _topP = Number("--top-p", 1e-6f, 1, "The probability that the tokens have together that may be drawn.");

    private readonly Option<float?> _minP = Number("--min-p", 0, 1, "The smallest probability of a token that may be drawn, as a part of the likeliest one's.");

    private readonly Option<float?> _typicalP = Number("--typical-p", 1e-6f, 1, "The probability that tokens have together whose surprise is nearest to the expected one.");

    private readonly Option<float?> _repetition = Number("--repeat-penalty", 1e-6f, float.MaxValue, "What scores of tokens that occurred are divided by (negative ones are multiplied); 1 for nothing.");

    private readonly Option<float?> _frequency = Number("--frequency-penalty", float.MinValue, float.MaxValue, "What is subtracted from a token's score for each time that it occurred in the answer.");

    private readonly Option<float?> _presence = Number("--presence-penalty", float.MinValue, float.MaxValue, "What is subtracted from a token's score if it occurred in the answer.");

    private readonly Option<long?> _seed = OptionalNumberOption("--seed", long.MinValue, "The seed of what is drawn; the same seed draws the same tokens.");

    private readonly Option<string[]> _stop = new("--stop")
    {
        Description = "A text that ends an answer, and is not shown; may be given several times.",
        HelpName = "TEXT",
    };

    private readonly Option<string?> _grammar = new("--grammar")
    {
        Description = "What an answer may be: a grammar in GBNF (llama.cpp's form), or a file with one. Nothing else is ever answered.",
        HelpName = "FILE|TEXT",
    };

    private readonly Option<string?> _jsonSchema = new("--json-schema")
    {
        Description = "Answer with JSON that fits a schema: the schema, or a file with one.",
        HelpName = "FILE|TEXT",
    };

    private readonly Option<bool> _jsonMode = new("--json-mode")
    {
        Description = "Answer with a JSON object.",
    };

    private readonly Option<int> _lookup = NumberOption("--lookup", 0, 0, "How many tokens are guessed from what the text had before, and checked in one run, at most 7. The answer is the same; where it repeats the prompt, it comes quicker.", 7);

    private readonly Option<long?> _memory = MemoryOption();

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<string> _weights = WeightsOption("mapped");

    private readonly Option<string> _panelStore = PanelStoreOption();

    private readonly Option<string> _panelType = PanelTypeOption();

    protected LanguageCommand(string name, string description)
        : base(name, description) => Add(_model);

    /// <summary>The options that say how a model is opened.</summary>
    protected void AddModelOptions()
    {
        foreach (Option option in (Option[])[_context, _chunk, _cacheType, _memory, _threads, _weights, _panelStore, _panelType])
        {
            Add(option);
        }
    }

    /// <summary>The options that say how tokens are chosen.</summary>
    protected void AddSamplingOptions()
    {
        foreach (Option option in (Option[])[_mostTokens, _temperature, _topK, _topP, _minP, _typicalP, _repetition, _frequency, _presence, _seed, _stop, _grammar, _jsonSchema, _jsonMode, _lookup])
        {
            Add(option);
        }
    }

    /// <summary>The folder that was given.</summary>
    protected string Folder(ParseResult arguments) => PulledModels.Locate(arguments.GetRequiredValue(_model));

    /// <summary>What <c>--memory</c> says; null for no limit.</summary>
    protected long? Memory(ParseResult arguments) => arguments.GetValue(_memory);

    /// <summary>Opens the model, works with it and closes it.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="terminal">Shows how far the making of a panel store is.</param>
    /// <param name="work">Does the work; it is also given the seconds that opening took.</param>
    /// <param name="cancellationToken">Stops the making of a panel store.</param>
    protected void WithModel(ParseResult arguments, Terminal terminal, Action<LanguageModel, double> work, CancellationToken cancellationToken)
    {
        string folder = Folder(arguments);
        long? limit = Memory(arguments);
        if (arguments.GetRequiredValue(_panelType) == "auto")
        {
            throw new UsageException("--panel-type auto needs inputs to measure with, which language models of this command have none of: choose a type, or let 'onnxstream pack' choose.");
        }

        if (limit is not null)
        {
            ProcessMemory.StaySmall();
        }

        long start = Stopwatch.GetTimestamp();
        PackingReporter packing = new();
        // Each token takes all weights: without a limit, the pages that hold them stay, as long as the system has room.
        using WeightsProvider weights = CreateWeightsProvider(arguments.GetRequiredValue(_weights), limit is null ? LanguageModel.UsualKeptBytes : 0);
        LanguageModelOptions options = new()
        {
            ContextLength = arguments.GetValue(_context),
            ChunkLength = arguments.GetValue(_chunk),
            CacheElementType = CacheType(arguments, _cacheType),
            Session = new SessionOptions
            {
                ThreadCount = arguments.GetValue(_threads),
                WeightsProvider = weights,
                PanelStore = CreatePanelStore(arguments.GetRequiredValue(_panelStore), arguments.GetRequiredValue(_panelType), packing, cancellationToken),
                Logger = new TerminalLogger(terminal),
            },
        };
        LanguageModel model = Open(folder, options);
        ProcessMemory? memory = null;
        try
        {
            if (limit is { } allowed)
            {
                // What the process holds beside a session is known when the tokenizer has been read. A run returns scores of all its tokens.
                long scores = 2L * model.ChunkLength * model.VocabularySize * sizeof(float);
                memory = ProcessMemory.Measure(0, scores);
                memory.Check(allowed, 1);
                model.Dispose();
                model = Open(folder, options with { Session = options.Session with { MemoryBudget = memory.BudgetFor(allowed) } });
            }

            double seconds = Seconds(Stopwatch.GetElapsedTime(start));
            if (options.Session.PanelStore.IsEnabled)
            {
                packing.Show(terminal, () =>
                {
                    // The first token of all makes the store.
                    using Conversation first = model.CreateConversation();
                    return first.Generate([0], new GenerationOptions { MostTokens = 2, IgnoreEndTokens = true }, progress: null, cancellationToken).Count();
                });
            }

            work(model, seconds);
        }
        catch (MemoryBudgetException exception) when (memory is not null)
        {
            throw memory.TooLittle(limit!.Value, exception.SmallestBudgetBytes);
        }
        finally
        {
            model.Dispose();
        }
    }

    /// <summary>What the options of sampling say.</summary>
    protected GenerationOptions ReadSampling(ParseResult arguments, GenerationOptions otherwise) => otherwise with
    {
        MostTokens = arguments.GetValue(_mostTokens) ?? otherwise.MostTokens,
        Temperature = arguments.GetValue(_temperature) ?? otherwise.Temperature,
        TopK = arguments.GetValue(_topK) ?? otherwise.TopK,
        TopP = arguments.GetValue(_topP) ?? otherwise.TopP,
        MinP = arguments.GetValue(_minP) ?? otherwise.MinP,
        TypicalP = arguments.GetValue(_typicalP) ?? otherwise.TypicalP,
        RepetitionPenalty = arguments.GetValue(_repetition) ?? otherwise.RepetitionPenalty,
        FrequencyPenalty = arguments.GetValue(_frequency) ?? otherwise.FrequencyPenalty,
        PresencePenalty = arguments.GetValue(_presence) ?? otherwise.PresencePenalty,
        Seed = arguments.GetValue(_seed) ?? otherwise.Seed,
        Grammar = ReadGrammar(arguments) ?? otherwise.Grammar,
        StopStrings = arguments.GetValue(_stop) is { Length: > 0 } stops ? stops : otherwise.StopStrings,
        LookupTokens = arguments.GetValue(_lookup),
    };

    /// <summary>What an answer took, in one line.</summary>
    protected static string Describe(Generation generation)
    {
        int computed = generation.PromptTokenCount - generation.ReusedTokenCount;
        string reused = generation.ReusedTokenCount > 0 ? $" ({generation.ReusedTokenCount} more were there)" : "";
        string rate = generation.TokenCount > 1 ? $", {generation.TokenCount} tokens, {Rate(generation.TokenCount - 1, generation.TokensDuration):0.0} a second" : $", {generation.TokenCount} token";
        return $"prompt {computed} tokens{reused}, {Rate(computed, generation.PromptDuration):0.0} a second{rate}; memory {Quantity.Bytes(PeakMemory.Bytes)} peak of the process, {Quantity.Bytes(generation.PeakNativeBytes)} of it native";
    }

    /// <summary>How many in a second.</summary>
    protected static double Rate(int count, TimeSpan duration) => duration > TimeSpan.Zero ? Math.Round(count / duration.TotalSeconds, 3) : 0;

    /// <summary>What an answer is held to; null for nothing.</summary>
    protected Grammar? ReadGrammar(ParseResult arguments)
    {
        string? grammar = arguments.GetValue(_grammar);
        string? schema = arguments.GetValue(_jsonSchema);
        bool isJson = arguments.GetValue(_jsonMode);
        if ((grammar is null ? 0 : 1) + (schema is null ? 0 : 1) + (isJson ? 1 : 0) > 1)
        {
            throw new UsageException("Give one of --grammar, --json-schema and --json-mode: an answer has one form.");
        }

        return grammar is not null ? ReadForm("--grammar", grammar, text => text.Contains("::=", StringComparison.Ordinal), Grammar.FromGbnf) :
            schema is not null ? ReadForm("--json-schema", schema, text => text.TrimStart().StartsWith('{'), Grammar.FromJsonSchema) :
            isJson ? Grammar.JsonObject : null;
    }

    private static Grammar ReadForm(string option, string value, Func<string, bool> isText, Func<string, Grammar> read)
    {
        try
        {
            return isText(value) ? read(value) :
                File.Exists(value) ? read(File.ReadAllText(value)) :
                throw new UsageException($"{option} {value}: there is no such file, and it is not {(option == "--grammar" ? "a grammar, which has ::=" : "a JSON schema, which begins with {")}.");
        }
        catch (GrammarException exception)
        {
            throw new UsageException($"{option}: {exception.Message}");
        }
    }

    private static LanguageModel OpenAny(string path, LanguageModelOptions options) => File.Exists(path) ? LanguageModel.FromFile(path, options) : LanguageModel.FromFolder(path, options);

    private static LanguageModel Open(string folder, LanguageModelOptions options)
    {
        try
        {
            return OpenAny(folder, options);
        }
        catch (ArgumentOutOfRangeException) when (options.ContextLength is { } length)
        {
            using LanguageModel model = OpenAny(folder, options with { ContextLength = null });
            throw new UsageException($"--context {length}: the model was made for at most {model.ContextLength} tokens.");
        }
        catch (ArgumentException exception) when (options.CacheElementType is not null)
        {
            throw new UsageException($"--cache-type: {exception.Message.Split(" (Parameter '")[0]}");
        }
    }

    private static Option<float?> Number(string name, float minimum, float maximum, string description) => new(name)
    {
        Description = description,
        HelpName = "X",
        CustomParser = result =>
        {
            float value = ParseNumber(result, name, minimum, minimum == float.MinValue ? "a finite number" : $"a number of at least {minimum}");
            if (value > maximum)
            {
                result.AddError($"{name} {result.Tokens[0].Value}: at most {maximum}.");
            }

            return value;
        },
    };
}
