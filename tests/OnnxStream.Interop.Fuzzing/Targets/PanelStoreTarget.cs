using OnnxStream.Interop.Fuzzing.Mutators;
using OnnxStream.Interop.Fuzzing.Seeds;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>Panel stores whose bytes are changed. One is never trusted: what is computed must be what is computed without it.</summary>
internal sealed class PanelStoreTarget() : FuzzTarget("panels")
{
    private string _folder = "";
    private string _model = "";
    private byte[] _store = [];
    private TensorBuffer _expected = null!;
    private Dictionary<string, TensorBuffer> _inputs = null!;

    /// <inheritdoc/>
    public override void Prepare()
    {
        if (_store.Length > 0)
        {
            return;
        }

        _folder = Directory.CreateTempSubdirectory("onnxstream-fuzzing-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(_folder, recursive: true);
        _model = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(_model, new ModelBuilder(17).Input("x", ElementType.Float32, 1, 12, 30, 30).Output("y")
            .Initializer("k", SeedTensors.Sines(24, 12, 3, 3)).Initializer("b", SeedTensors.Sines(24)).Initializer("m", SeedTensors.Sines(30, 40))
            .Node("Conv", "x k b", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("MatMul", "c m", "y").ToBytes());
        _inputs = new() { ["x"] = SeedTensors.Sines(1, 12, 30, 30) };
        string path = Path.Combine(_folder, "store.panels");
        _expected = Run(path);
        _store = File.ReadAllBytes(path);
    }

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken)
    {
        string path = Path.Combine(folder, "store.panels");
        File.WriteAllBytes(path, ByteMutator.Mutate(_store, random));
        PanelStoreFile.FindAll(folder);
        if (!Run(path).Bytes.SequenceEqual(_expected.Bytes))
        {
            throw new InvalidDataException("With the damaged store other numbers were computed.");
        }
    }

    private TensorBuffer Run(string store)
    {
        using InferenceSession session = new(_model, new SessionOptions { ThreadCount = 1, PanelStore = PanelStoreOptions.File(store) });
        return session.Run(_inputs)["y"];
    }
}
