using System.CommandLine;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Diffusion;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream pull</c>: downloads a model.</summary>
internal sealed class PullCommand : ToolCommand
{
    private readonly Argument<string> _model = new("NAME|URL")
    {
        Description = "A name that 'onnxstream models known' lists; a repository of the hub at HF_ENDPOINT (OWNER/NAME, OWNER/NAME@REVISION); or an address: of a folder with a manifest.json, of a pipeline's folder, or of a model.",
    };

    private readonly Option<string[]> _include = new("--include")
    {
        Description = "Of a repository, only files with such names (* for any letters, folders included), as in --include \"onnx/model_quantized.onnx\" \"*.json\". Otherwise a known model has its list, and others all but weights that cannot be read here.",
        HelpName = "PATTERN",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _name = new("--name")
    {
        Description = "What a model from an address is called; the default is the last part of the address.",
        HelpName = "NAME",
    };

    private readonly Option<int> _connections = NumberOption("--connections", 1, 4, "How many files come at once.", 64);

    private readonly Option<bool> _dry = new("--dry-run")
    {
        Description = "Say what would come, and download nothing.",
    };

    private readonly Option<bool> _json = JsonOption();

    public PullCommand()
        : base("pull", "Download a model; what has come before is kept, checked and continued.")
    {
        Add(_model);
        foreach (Option option in (Option[])[_include, _name, _connections, _dry, _json])
        {
            Add(option);
        }
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream pull all-minilm-l6-v2                             then: onnxstream embed --model all-minilm-l6-v2 --text \"a cat\"",
        "onnxstream pull OWNER/NAME --include \"onnx/model.onnx\" \"*.json\"",
        "onnxstream pull http://192.168.1.2:8000/tiny-shapes --name shapes",
        "onnxstream pull OWNER/NAME@v1.0 --dry-run",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string model = arguments.GetRequiredValue(_model);
        ModelDownloadOptions options = new()
        {
            Included = arguments.GetValue(_include) ?? [],
            Name = arguments.GetValue(_name),
            Http = new HttpFilesOptions { Connections = arguments.GetValue(_connections) },
        };
        using ModelDownload download = Find(model, options, cancellationToken);
        long missing = download.MissingBytes;
        bool isComplete = download.IsComplete, isDry = arguments.GetValue(_dry);
        if (!isDry)
        {
            terminal.Report(isComplete
                ? $"{download.Name}: all of it is here already"
                : $"{download.Name}: {download.Files.Count:N0} {(download.Files.Count == 1 ? "file" : "files")}, {Quantity.Bytes(download.TotalBytes)}, of which {Quantity.Bytes(missing)} are to come");
            ProgressDisplay.Show(terminal, report => download.RunAsync(new Reporter(report), cancellationToken).GetAwaiter().GetResult());
        }

        PullReport result = new(download.Name, download.Folder, download.TotalBytes, missing, !isDry || isComplete, [.. download.Files.Select(file => new PulledFileReport(file.Name, file.Length, file.Hash))]);
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(result));
            return;
        }

        if (isDry)
        {
            foreach (DownloadFile file in download.Files)
            {
                terminal.Output.WriteLine($"{(file.Length is { } length ? Quantity.Bytes(length) : "?"),12}  {file.Name}");
            }

            terminal.Output.WriteLine($"{Quantity.Bytes(download.TotalBytes)} in all, {Quantity.Bytes(missing)} to come, to {download.Folder}");
        }
        else
        {
            terminal.Output.WriteLine(download.Folder);
        }
    }

    private static ModelDownload Find(string model, ModelDownloadOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return ModelDownload.FindAsync(model, options, Open, cancellationToken).GetAwaiter().GetResult();
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(exception.Message.Split(" (Parameter '", 2)[0]);
        }
    }

    // A folder of an address without a manifest: a pipeline, or one model.
    private static void Open(ModelFiles files)
    {
        string? one = files.Find("model.txt") is not null ? "model.txt" : files.Find("model.onnx") is not null ? "model.onnx" : null;
        if (one is not null)
        {
            Model.Load(files, one);
            return;
        }

        PipelineConfiguration pipeline = PipelineConfiguration.FromFiles(files);
        foreach (string? path in (string?[])[pipeline.TextEncoderPath, pipeline.TextEncoder2Path, pipeline.UnetPath, pipeline.VaeDecoderPath, pipeline.VaeEncoderPath, pipeline.TinyDecoderPath, pipeline.ControlNetPath])
        {
            if (path is not null)
            {
                Model.Load(files, path);
            }
        }

        // What a pipeline reads when it begins.
        _ = new StableDiffusionPipeline(pipeline);
    }

    private sealed class Reporter(ProgressDisplay.Reporter report) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => report($"downloading {value.Name}", value.TotalBytes == 0 ? 0 : (double)value.Bytes / value.TotalBytes);
    }
}
