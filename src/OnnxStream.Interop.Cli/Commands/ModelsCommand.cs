using System.CommandLine;
using OnnxStream.Interop.Cli.Reports;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream models</c>: lists and removes downloaded models, lists known ones, and writes manifests.</summary>
internal sealed class ModelsCommand : ToolCommand
{
    private const string List = "list";
    private const string Known = "known";
    private const string Remove = "remove";
    private const string Manifest = "manifest";

    private readonly Argument<string> _action = new("list|known|remove|manifest")
    {
        Description = "list: the models that are here. known: those that 'pull' knows by name. remove: delete models. manifest: write the manifest.json of a folder, so that others can pull it from a server of yours.",
        DefaultValueFactory = _ => List,
    };

    private readonly Argument<string[]> _names = new("NAME")
    {
        Description = "The models to remove, as listed; or the folder that a manifest is for.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _json = JsonOption();

    public ModelsCommand()
        : base("models", "List, remove or publish downloaded models.")
    {
        Add(_action.AcceptOnlyFromAmong(List, Known, Remove, Manifest));
        Add(_names);
        Add(_json);
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream models",
        "onnxstream models known",
        "onnxstream models remove OWNER/NAME     all its revisions, whichever program brought them",
        "onnxstream models manifest my-model     writes my-model/manifest.json",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string[] names = arguments.GetValue(_names) ?? [];
        string action = arguments.GetRequiredValue(_action);
        if (names.Length > 0 != (action is Remove or Manifest))
        {
            throw new UsageException(names.Length > 0 ? $"models {action} takes no names." : $"models {action}: name {(action == Remove ? "the models to remove" : "the folder")}.");
        }

        switch (action)
        {
            case Known:
                ShowKnown(arguments.GetValue(_json), terminal);
                break;
            case Manifest:
                foreach (string folder in names)
                {
                    WriteManifest(folder, terminal, cancellationToken);
                }

                break;
            default:
                ShowLocal(new LocalModels(), action == Remove ? names : null, arguments.GetValue(_json), terminal);
                break;
        }
    }

    private static void ShowKnown(bool isJson, Terminal terminal)
    {
        if (isJson)
        {
            terminal.Output.WriteLine(ReportJson.Serialize(new KnownModelsReport([.. ModelRegistry.All.Select(model => new KnownModelReport(model.Name, model.Task, model.Repository, model.Revision, model.Description))])));
            return;
        }

        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("name", "for", "repository", "");
        foreach (RegisteredModel model in ModelRegistry.All)
        {
            table.AddRow(model.Name, model.Task, Markup.Escape($"{model.Repository}{(model.Revision == "main" ? "" : "@" + model.Revision)}"), Markup.Escape(model.Description));
        }

        terminal.Write(table);
    }

    private static void WriteManifest(string folder, Terminal terminal, CancellationToken cancellationToken)
    {
        RequireExisting(folder);
        DownloadManifest manifest = DownloadManifest.OfFolder(folder, cancellationToken);
        string path = Path.Combine(folder, DownloadManifest.FileName);
        using UnfinishedPath written = new($"{path}.{Path.GetRandomFileName()}.partial");
        File.WriteAllBytes(written.Path, manifest.Write());
        File.Move(written.Path, path, overwrite: true);
        terminal.Output.WriteLine($"{path}: {manifest.Files.Count:N0} {(manifest.Files.Count == 1 ? "file" : "files")}, {Quantity.Bytes(manifest.Files.Sum(file => file.Length ?? 0))}");
    }

    private static void ShowLocal(LocalModels local, string[]? removed, bool isJson, Terminal terminal)
    {
        IReadOnlyList<LocalModel> models = removed is null ? local.List() : [.. removed.Select(name => local.Remove(name) ?? throw new UsageException($"{name}: there is no such model, neither in {local.HubCache} nor in {local.Folder}; 'onnxstream models' lists those that are here."))];
        LocalModelsReport report = new(local.HubCache, local.Folder, models.Sum(model => model.Bytes), [.. models.Select(model => new LocalModelReport(model.Name, model.Path, model.Bytes, model.Date, model.Revisions))]);
        if (isJson)
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
            return;
        }

        if (models.Count > 0)
        {
            Table table = new() { Border = TableBorder.Simple };
            table.AddColumn("name");
            table.AddColumn("size", column => column.RightAligned());
            table.AddColumns("date", "folder");
            foreach (LocalModelReport model in report.Models)
            {
                table.AddRow(Markup.Escape(model.Name), Quantity.Bytes(model.Bytes), $"{model.Date:yyyy-MM-dd HH:mm}", Markup.Escape(model.Path));
            }

            terminal.Write(table);
        }

        terminal.Output.WriteLine($"{models.Count:N0} {(models.Count == 1 ? "model" : "models")}, {Quantity.Bytes(report.Bytes)}{(removed is null ? "" : " removed")}");
    }
}
