using System.CommandLine;
using System.Text.Json;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Language;
using OnnxStream.Interop.Language.Templates;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream chat</c>: a conversation with a language model, message by message.</summary>
internal sealed class ChatCommand : LanguageCommand
{
    private const string Commands =
        """
        /exit           end the conversation (or Ctrl+D)
        /reset          forget all messages
        /undo           forget the last message and its answer
        /retry          answer the last message once more
        /system TEXT    say what the model should be like, and forget all messages
        /save FILE      write the messages to FILE, and their cache to FILE.cache
        /load FILE      go on with what /save wrote
        /tokens         how many tokens the conversation has
        /help           this list
        Ctrl+C stops an answer; what there is of it stays.
        """;

    private readonly Option<string?> _system = new("--system")
    {
        Description = "What the model should be like: the first message of the conversation.",
        HelpName = "TEXT",
    };

    public ChatCommand()
        : base("chat", "Talk with a language model.")
    {
        Add(_system);
        AddSamplingOptions();
        AddModelOptions();
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream chat models/llama",
        "onnxstream chat models/llama --system \"You answer in one sentence.\" --temperature 0.7 --top-p 0.9 --memory 400MB --context 2048",
        "printf 'Hello\\nHow are you?\\n' | onnxstream chat models/llama --quiet     one answer for each line",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        // What is wrong with a grammar is said before a model is opened.
        _ = ReadGrammar(arguments);
        WithModel(arguments, terminal, (model, _) => Talk(arguments, model, terminal, cancellationToken), cancellationToken);
    }

    private void Talk(ParseResult arguments, LanguageModel model, Terminal terminal, CancellationToken cancellationToken)
    {
        ChatTemplate template = model.ChatTemplate ?? throw new UsageException("The model's folder has no chat template, so it cannot hold conversations; 'onnxstream generate' goes on with a text.");
        GenerationOptions options = ReadSampling(arguments, model.DefaultOptions);
        using Conversation conversation = model.CreateConversation();
        List<TemplateMessage> messages = arguments.GetValue(_system) is { } system ? [new TemplateMessage("system", system)] : [];
        terminal.Report($"{model.Name}: {model.ContextLength} tokens of context. /help lists commands, /exit ends.");
        while (!cancellationToken.IsCancellationRequested)
        {
            if (!terminal.IsQuiet)
            {
                terminal.Error.Write("> ");
                terminal.Error.Flush();
            }

            if (Console.In.ReadLine() is not { } line || line.Trim() == "/exit")
            {
                break;
            }

            try
            {
                if (line.StartsWith('/') ? Command(line, messages, conversation, terminal) : line.Trim().Length > 0)
                {
                    if (!line.StartsWith('/'))
                    {
                        messages.Add(new TemplateMessage("user", line));
                    }

                    Answer(model, template, conversation, messages, options, terminal, cancellationToken);
                }
            }
            catch (Exception exception) when (exception is ContextLengthException or ChatTemplateException or UsageException or IOException or UnauthorizedAccessException or ModelFormatException)
            {
                // The message that could not be answered does not stay in the way of the next one.
                if (exception is ContextLengthException or ChatTemplateException && messages is [.., { Role: "user" }])
                {
                    messages.RemoveAt(messages.Count - 1);
                }

                terminal.Error.WriteLine(CommandLine.Describe(exception));
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    private static void Answer(
        LanguageModel model, ChatTemplate template, Conversation conversation, List<TemplateMessage> messages, GenerationOptions options, Terminal terminal, CancellationToken cancellationToken)
    {
        IReadOnlyList<int> prompt = model.Tokenizer.Encode(template.Apply(messages), addSpecialTokens: false);
        Generation generation = null!;
        string text = "";
        bool isWhole = InterruptibleWork.Run(stop =>
        {
            generation = conversation.Generate(prompt, options, progress: null, stop);
            foreach (GeneratedToken token in generation)
            {
                text += token.Text;
                terminal.Output.Write(token.Text);
                terminal.Output.Flush();
            }
        }, cancellationToken);
        terminal.Output.WriteLine();
        messages.Add(new TemplateMessage("assistant", text));
        terminal.Report($"{(isWhole ? "" : "stopped; ")}{Describe(generation)}");
    }

    // Whether there is a message to answer.
    private static bool Command(string line, List<TemplateMessage> messages, Conversation conversation, Terminal terminal)
    {
        string[] words = line.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string argument = words.Length > 1 ? words[1] : "";
        switch (words[0])
        {
            case "/help":
                terminal.Error.WriteLine(Commands);
                return false;
            case "/reset":
                messages.RemoveAll(message => message.Role != "system");
                return false;
            case "/undo":
                Undo(messages, withQuestion: true);
                return false;
            case "/retry":
                Undo(messages, withQuestion: false);
                return messages is [.., { Role: "user" }];
            case "/system":
                messages.Clear();
                if (argument.Length > 0)
                {
                    messages.Add(new TemplateMessage("system", argument));
                }

                return false;
            case "/tokens":
                terminal.Error.WriteLine($"{conversation.Tokens.Count} of {conversation.Model.ContextLength} tokens");
                return false;
            case "/save" when argument.Length > 0:
                using (UnfinishedPath unfinished = new($"{Path.GetFullPath(argument)}.{Guid.NewGuid():N}.tmp"))
                {
                    File.WriteAllText(unfinished.Path, ReportJson.Serialize(new ConversationReport(conversation.Model.Name, [.. messages.Select(message => new MessageReport(message.Role, message.Content ?? ""))])));
                    conversation.Save($"{argument}.cache");
                    File.Move(unfinished.Path, Path.GetFullPath(argument), overwrite: true);
                }

                return false;
            case "/load" when argument.Length > 0:
                Load(argument, messages, conversation);
                return false;
            default:
                throw new UsageException($"{words[0]}: there is no such command, or its FILE is missing. /help lists commands.");
        }
    }

    private static void Undo(List<TemplateMessage> messages, bool withQuestion)
    {
        if (messages is [.., { Role: "assistant" }])
        {
            messages.RemoveAt(messages.Count - 1);
        }

        if (withQuestion && messages is [.., { Role: "user" }])
        {
            messages.RemoveAt(messages.Count - 1);
        }
    }

    private static void Load(string file, List<TemplateMessage> messages, Conversation conversation)
    {
        ConversationReport report;
        try
        {
            report = ReportJson.Deserialize<ConversationReport>(File.ReadAllText(file));
        }
        catch (JsonException exception)
        {
            throw new ModelFormatException(file, $"this is not a conversation that /save wrote: {exception.Message}", exception);
        }

        // A cache is only quicker: without it, the messages are read again.
        if (File.Exists($"{file}.cache"))
        {
            conversation.Load($"{file}.cache");
        }

        messages.Clear();
        messages.AddRange(report.Messages.Select(message => new TemplateMessage(message.Role, message.Content)));
    }
}
