using BenchmarkDotNet.Attributes;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Micro;

/// <summary>One layer at the shapes that the UNET has of it, by this library and by ONNX Runtime. Copying inputs and outputs is part of both.</summary>
[MinColumn]
[MedianColumn]
public abstract class KernelBenchmark
{
    private string _folder = "";
    private InferenceSession? _session;
    private Dictionary<string, TensorBuffer> _inputs = [];
    private OnnxRuntimeSession? _onnxRuntime;

    /// <summary>The height and width of the image.</summary>
    [Params(64, 32, 16, 8)]
    public int Size { get; set; }

    /// <summary>The channels that the UNET has at this size.</summary>
    protected int Channels => Size switch { 64 => 320, 32 => 640, _ => 1280 };

    /// <summary>The pixels of the image.</summary>
    protected int Pixels => Size * Size;

    [GlobalSetup]
    public void Open()
    {
        _folder = Directory.CreateTempSubdirectory("onnxstream-benchmarks-").FullName;
        string path = Path.Combine(_folder, "layer.onnx");
        using (GraphBuilder graph = new(path))
        {
            graph.Output("output", Build(graph));
            graph.Complete();
        }

        _session = new InferenceSession(path);
        _inputs = SampleInputs.Create(_session.Model);
        _onnxRuntime = new OnnxRuntimeSession(path, Environment.ProcessorCount, OnnxRuntimeMode.Default, _inputs);
    }

    [GlobalCleanup]
    public void Close()
    {
        _session?.Dispose();
        _onnxRuntime?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Benchmark]
    public object OnnxStream() => _session!.Run(_inputs);

    [Benchmark(Baseline = true)]
    public object OnnxRuntime() => _onnxRuntime!.Run();

    /// <summary>Adds inputs and the layer; returns its output.</summary>
    private protected abstract GraphValue Build(GraphBuilder graph);
}
