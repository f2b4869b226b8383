using System.CommandLine;
using OnnxStream.Interop.Cli.Reports;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream cache</c>: lists and removes the panel stores that were made automatically.</summary>
internal sealed class CacheCommand : ToolCommand
{
    private const string List = "list";
    private const string Clear = "clear";

    private readonly Argument<string> _action = new("list|clear")
    {
        Description = "List the stores, or remove them.",
        DefaultValueFactory = _ => List,
    };

    private readonly Argument<string[]> _names = new("NAME")
    {
        Description = "Only the stores with these names, as listed (the beginning of a name is enough); by default all.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _json = JsonOption();

    public CacheCommand()
        : base("cache", "List or remove the panel stores in the cache folder.")
    {
        Add(_action.AcceptOnlyFromAmong(List, Clear));
        Add(_names);
        Add(_json);
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream cache",
        "onnxstream cache clear             all of them, except those being written",
        "onnxstream cache clear 3f2a91      those whose names begin with 3f2a91",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string folder = PanelStoreOptions.CacheFolder;
        string[] names = arguments.GetValue(_names) ?? [];
        IReadOnlyList<PanelStoreFile> found = PanelStoreFile.FindAll(folder);
        foreach (string name in names)
        {
            if (!found.Any(file => IsNamed(file, name)))
            {
                throw new UsageException($"{name}: there is no such panel store in {folder}.");
            }
        }

        PanelStoreFile[] files = [.. found.Where(file => names.Length == 0 || names.Any(name => IsNamed(file, name)))];
        bool clears = arguments.GetRequiredValue(_action) == Clear;
        if (clears)
        {
            foreach (PanelStoreFile file in files.Where(file => file.State == PanelStoreState.BeingWritten))
            {
                terminal.Report($"{Path.GetFileName(file.Path)} is being written and was not removed.");
            }

            files = [.. files.Where(file => file.State != PanelStoreState.BeingWritten)];
            foreach (PanelStoreFile file in files)
            {
                File.Delete(file.Path);
            }

            // Choices of types belong to no single store.
            foreach (string choice in names.Length == 0 && Directory.Exists(folder) ? Directory.GetFiles(folder, $"*{PanelFormatTable.Extension}") : [])
            {
                File.Delete(choice);
            }
        }

        CacheReport report = new(
            folder,
            files.Sum(file => file.Length),
            [.. files.Select(file => new CachedStoreReport(Path.GetFileName(file.Path), file.Length, file.LastWriteTime, file.ModelPath, StateName(file.State)))]);
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            Print(report, clears, terminal);
        }
    }

    private static bool IsNamed(PanelStoreFile file, string name) => name.Length > 0 && Path.GetFileName(file.Path).StartsWith(name, StringComparison.Ordinal);

    private static string StateName(PanelStoreState state) => state switch
    {
        PanelStoreState.Complete => "complete",
        PanelStoreState.BeingWritten => "being_written",
        PanelStoreState.LeftBehind => "left_behind",
        _ => "unknown",
    };

    private static void Print(CacheReport report, bool removed, Terminal terminal)
    {
        if (report.Stores.Count > 0)
        {
            Table table = new() { Border = TableBorder.Simple };
            table.AddColumn("name");
            table.AddColumn("size", column => column.RightAligned());
            table.AddColumns("date", "model", "");
            foreach (CachedStoreReport store in report.Stores)
            {
                string state = store.State switch
                {
                    "complete" => "",
                    "being_written" => "being written",
                    "left_behind" => "never finished",
                    _ => "damaged or of another version",
                };
                table.AddRow(store.Name, Quantity.Bytes(store.Bytes), $"{store.Date:yyyy-MM-dd HH:mm}", Markup.Escape(store.Model ?? ""), state);
            }

            terminal.Write(table);
        }

        terminal.Output.WriteLine($"{report.Folder}: {report.Stores.Count:N0} {(report.Stores.Count == 1 ? "file" : "files")}, {Quantity.Bytes(report.Bytes)}{(removed ? " removed" : "")}");
    }
}
