using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>A model in ONNX Runtime, with inputs that stay the same.</summary>
internal sealed class OnnxRuntimeSession : IDisposable
{
    private readonly Microsoft.ML.OnnxRuntime.InferenceSession _session;
    private readonly Microsoft.ML.OnnxRuntime.RunOptions _runOptions = new();
    private readonly Dictionary<string, OrtValue> _inputs = [];
    private readonly List<GCHandle> _pins = [];

    public OnnxRuntimeSession(string path, int threads, OnnxRuntimeMode mode, IReadOnlyDictionary<string, TensorBuffer> inputs)
    {
        // Warnings about a model's unused or folded weights are of no interest here.
        using Microsoft.ML.OnnxRuntime.SessionOptions options = new() { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        if (mode != OnnxRuntimeMode.Default)
        {
            options.EnableCpuMemArena = false;
            options.EnableMemoryPattern = false;
            options.AddSessionConfigEntry("session.disable_prepacking", "1");
        }

        if (mode == OnnxRuntimeMode.Unoptimized)
        {
            options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
        }

        _session = new(path, options);
        foreach ((string name, TensorBuffer tensor) in inputs)
        {
            GCHandle pin = GCHandle.Alloc(tensor.Bytes.ToArray(), GCHandleType.Pinned);
            _pins.Add(pin);
            _inputs.Add(name, OrtValue.CreateTensorValueWithData(
                OrtMemoryInfo.DefaultInstance, (TensorElementType)(int)tensor.ElementType, tensor.Shape.ToArray(), pin.AddrOfPinnedObject(), tensor.Bytes.Length));
        }
    }

    /// <summary>The version of ONNX Runtime.</summary>
    public static string Version => OrtEnv.Instance().GetVersionString();

    /// <summary>Computes the outputs.</summary>
    public Dictionary<string, TensorBuffer> Run() => Run(out _);

    /// <summary>Computes the outputs, from inputs that were just copied in.</summary>
    /// <param name="inputs">The elements of the inputs.</param>
    /// <returns>What computing alone took, in seconds.</returns>
    public double Measure(IReadOnlyDictionary<string, TensorBuffer> inputs)
    {
        foreach ((TensorBuffer tensor, GCHandle pin) in inputs.Values.Zip(_pins))
        {
            tensor.Bytes.CopyTo((byte[])pin.Target!);
        }

        Run(out double seconds);
        return seconds;
    }

    private Dictionary<string, TensorBuffer> Run(out double seconds)
    {
        long start = Stopwatch.GetTimestamp();
        using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(_runOptions, _inputs, _session.OutputNames);
        seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Dictionary<string, TensorBuffer> outputs = [];
        foreach ((string name, OrtValue result) in _session.OutputNames.Zip(results))
        {
            OrtTensorTypeAndShapeInfo type = result.GetTensorTypeAndShape();
            TensorBuffer output = new((ElementType)(int)type.ElementDataType, new Shape(type.Shape));
            result.GetTensorMutableRawData().CopyTo(output.Bytes);
            outputs.Add(name, output);
        }

        return outputs;
    }

    public void Dispose()
    {
        foreach (OrtValue value in _inputs.Values)
        {
            value.Dispose();
        }

        foreach (GCHandle pin in _pins)
        {
            pin.Free();
        }

        _runOptions.Dispose();
        _session.Dispose();
    }
}
