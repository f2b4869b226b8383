using System.CommandLine;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream convert</c>: writes a model in the other of the two formats.</summary>
internal sealed class ConvertCommand : ToolCommand
{
    private readonly Argument<string> _source = new("SOURCE")
    {
        Description = "An .onnx file, or an OnnxStream folder with a model.txt; or the address of one (http://, https://), whose weights are streamed from there.",
    };

    private readonly Argument<string> _destination = new("DESTINATION")
    {
        Description = "An .onnx file to write, or (with any other name) an OnnxStream folder. It must not exist yet.",
    };

    public ConvertCommand()
        : base("convert", "Convert an ONNX file to an OnnxStream folder, or back.")
    {
        Add(_source);
        Add(_destination);
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream convert model.onnx model          writes model/model.txt and a .bin file for each weight",
        "onnxstream convert unet_fp16 unet.onnx       puts large weights into unet.onnx.data beside it",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string source = arguments.GetRequiredValue(_source);
        string destination = arguments.GetRequiredValue(_destination);
        bool exists = Directory.Exists(destination) ? Directory.EnumerateFileSystemEntries(destination).Any() : File.Exists(destination);
        if (exists)
        {
            throw new UsageException($"{destination} exists already: remove it, or choose another name.");
        }

        using OpenedModel opened = OpenedModel.Open(source);
        Model model = opened.Model;
        if (Path.GetExtension(destination).Equals(".onnx", StringComparison.OrdinalIgnoreCase))
        {
            model.SaveOnnx(destination);
        }
        else
        {
            model.SaveOnnxStream(destination);
        }

        terminal.Output.WriteLine(destination);
    }
}
