using System.CommandLine;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Language.Tokenizers;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream tokenize</c>: shows the tokens of a text.</summary>
internal sealed class TokenizeCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL")
    {
        Description = "A folder with a tokenizer.json, or such a file.",
    };

    private readonly Argument<string?> _text = new("TEXT")
    {
        Description = "The text; without it, standard input is read.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _plain = new("--no-special")
    {
        Description = "Leave out the special tokens that a text begins or ends with.",
    };

    private readonly Option<bool> _json = JsonOption();

    public TokenizeCommand()
        : base("tokenize", "Show the tokens of a text.")
    {
        Add(_model);
        Add(_text);
        Add(_plain);
        Add(_json);
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream tokenize models/llama \"How many tokens is this?\"",
        "onnxstream tokenize models/llama --json < story.txt",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string path = PulledModels.Locate(arguments.GetRequiredValue(_model));
        Tokenizer tokenizer = Directory.Exists(path) ? Tokenizer.FromFolder(path) : Tokenizer.FromFile(path);
        string text = arguments.GetValue(_text) ?? Console.In.ReadToEnd();
        IReadOnlyList<int> ids = tokenizer.Encode(text, addSpecialTokens: !arguments.GetValue(_plain));
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(new TokenizeReport([.. ids.Select(id => new TokenReport(id, tokenizer.FindToken(id)))], tokenizer.Decode([.. ids], skipSpecialTokens: false))));
            return;
        }

        foreach (int id in ids)
        {
            cancellationToken.ThrowIfCancellationRequested();
            terminal.Output.WriteLine($"{id,8}  {tokenizer.FindToken(id)?.ReplaceLineEndings("\\n")}");
        }

        terminal.Report($"{ids.Count} tokens");
    }
}
