using System.Text;
using OnnxStream.Interop.Fuzzing.Mutators;
using OnnxStream.Interop.Fuzzing.Seeds;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>Tables of the ranges of activations, as JSON and as OnnxStream writes them. What is read is used: a model in 8 bits is written with it, and runs.</summary>
internal sealed class RangeTableTarget() : FuzzTarget("ranges")
{
    private readonly Dictionary<string, string> _tables = [];
    private string _folder = "";
    private string _model = "";
    private Dictionary<string, OnnxValue> _inputs = null!;

    /// <inheritdoc/>
    public override void Prepare()
    {
        if (_tables.Count > 0)
        {
            return;
        }

        _folder = Directory.CreateTempSubdirectory("onnxstream-fuzzing-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(_folder, recursive: true);
        _model = Path.Combine(_folder, "model.onnx");
        // Weights of less than a kilobyte are never quantized.
        File.WriteAllBytes(_model, new ModelBuilder(17).Input("x", ElementType.Float32, 1, 3, 6, 6).Output("y")
            .Initializer("k", SeedTensors.Sines(12, 3, 3, 3)).Initializer("b", SeedTensors.Sines(12)).Initializer("m", SeedTensors.Sines(6, 5))
            .Node("Conv", "x k b", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Relu", "c", "r").Node("MatMul", "r m", "y").ToBytes());
        _inputs = new() { ["x"] = SeedTensors.Sines(1, 3, 6, 6) };
        Model model = Model.Load(_model);
        RangeTable ranges = new Calibration(model, new SessionOptions { ThreadCount = 1 }) { HasOperatorResults = true }.Run([_inputs]);
        foreach (string name in (string[])["ranges.json", "range_data.txt"])
        {
            string path = Path.Combine(_folder, name);
            ranges.Save(path, model);
            _tables.Add(name, File.ReadAllText(path));
        }
    }

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken)
    {
        string name = random.Pick([.. _tables.Keys]);
        string path = Path.Combine(folder, name);
        File.WriteAllBytes(path, random.Next(3) == 0
            ? ByteMutator.Mutate(Encoding.UTF8.GetBytes(_tables[name]), random)
            : Encoding.UTF8.GetBytes(TextMutator.Mutate(_tables[name], random)));

        Model model = Model.Load(_model);
        RangeTable ranges = RangeTable.Load(path, model);
        Quantizer quantizer = new(model, new SessionOptions { ThreadCount = 1 }) { Scheme = QuantizationScheme.Weights8Activations8, Ranges = ranges };
        string quantized = Path.Combine(folder, "quantized.onnx");
        quantizer.SaveOnnx(quantized, progress: null, cancellationToken);
        using InferenceSession session = new(quantized, new SessionOptions { ThreadCount = 1 });
        session.Run(_inputs, cancellationToken: cancellationToken);
    }
}
