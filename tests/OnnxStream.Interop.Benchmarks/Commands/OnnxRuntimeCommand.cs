using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Cli;
using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary>The hidden command of a process that runs a model with ONNX Runtime, with options as <c>onnxstream run</c> has them.</summary>
internal sealed class OnnxRuntimeCommand : Command
{
    /// <summary>The name of the command.</summary>
    public const string CommandName = "onnx-runtime";

    private readonly Argument<string> _model = new("MODEL");
    private readonly Option<string[]> _inputs = new("--input") { AllowMultipleArgumentsPerToken = true };
    private readonly Option<int> _threads = new("--threads");
    private readonly Option<int> _repeat = new("--repeat");
    private readonly Option<string> _outputFolder = new("--output-dir");
    private readonly Option<OnnxRuntimeMode> _mode = new("--mode");

    public OnnxRuntimeCommand()
        : base(CommandName, "Run a model with ONNX Runtime.")
    {
        Hidden = true;
        Add(_model);
        foreach (Option option in (Option[])[_inputs, _threads, _repeat, _outputFolder, _mode])
        {
            Add(option);
        }

        SetAction(Execute);
    }

    private void Execute(ParseResult arguments)
    {
        Dictionary<string, TensorBuffer> inputs = arguments.GetRequiredValue(_inputs)
            .Select(input => input.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => NpyFile.Load(pair[1]));
        long start = Stopwatch.GetTimestamp();
        using OnnxRuntimeSession session = new(arguments.GetRequiredValue(_model), arguments.GetValue(_threads), arguments.GetValue(_mode), inputs);
        double loadS = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Dictionary<string, TensorBuffer> outputs = [];
        double[] runsS = new double[arguments.GetValue(_repeat)];
        foreach (ref double seconds in runsS.AsSpan())
        {
            start = Stopwatch.GetTimestamp();
            outputs = session.Run();
            seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        // Taken before the outputs are written, which is not the engine's work.
        long peak = PeakMemory.Bytes;
        List<OutputFile> files = [];
        foreach (((string name, TensorBuffer tensor), string file) in outputs.Zip(FileNames.For(outputs.Keys, ".npy")))
        {
            files.Add(new OutputFile(name, Path.Combine(arguments.GetRequiredValue(_outputFolder), file)));
            NpyFile.Save(files[^1].File, tensor);
        }

        Console.WriteLine(new EngineReport(loadS, runsS, peak, files).ToJson());
    }
}
