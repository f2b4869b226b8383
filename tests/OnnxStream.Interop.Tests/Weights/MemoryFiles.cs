using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

/// <summary>Files as a user would write them: sources by name.</summary>
internal sealed class MemoryFiles(params IEnumerable<(string Name, byte[] Bytes)> files) : ModelFiles("memory:")
{
    public Dictionary<string, MemorySource> Sources { get; } = files.ToDictionary(file => file.Name, file => new MemorySource($"memory:{file.Name}", file.Bytes));

    /// <summary>The names that were looked for.</summary>
    public List<string> Asked { get; } = [];

    public Exception? Failure { get; set; }

    /// <summary>The small model in memory.</summary>
    public static MemoryFiles Small() => new((Name: "small.onnx", Bytes: SmallModel.Onnx));

    public MemorySource this[string name] => Sources[name];

    protected override WeightSource? FindCore(string name)
    {
        Asked.Add(name);
        return Failure is null ? Sources.GetValueOrDefault(name) : throw Failure;
    }
}
