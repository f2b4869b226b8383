using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace OnnxStream.Interop.Tests;

/// <summary>Runs models with ONNX Runtime, whose results ours are compared with.</summary>
internal static class Oracle
{
    /// <summary>The outputs of a model, by name.</summary>
    /// <param name="model">The bytes of the model file.</param>
    /// <param name="inputs">The inputs by name.</param>
    /// <param name="asWritten">Whether every node is computed as it stands, without fusions.</param>
    public static Dictionary<string, TensorBuffer> Run(byte[] model, IReadOnlyDictionary<string, TensorBuffer> inputs, bool asWritten = false)
    {
        using Microsoft.ML.OnnxRuntime.SessionOptions options = new() { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        if (asWritten)
        {
            options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
        }

        using Microsoft.ML.OnnxRuntime.InferenceSession session = new(model, options);
        return Run(session, inputs);
    }

    /// <summary>The outputs of a model file, by name.</summary>
    /// <param name="path">The model file.</param>
    /// <param name="inputs">The inputs by name.</param>
    /// <param name="asWritten">Whether every node is computed as it stands, without fusions: of a weight in 8 bits, they make a product of numbers in 8 bits.</param>
    public static Dictionary<string, TensorBuffer> Run(string path, IReadOnlyDictionary<string, TensorBuffer> inputs, bool asWritten = false)
    {
        using Microsoft.ML.OnnxRuntime.SessionOptions options = new() { IntraOpNumThreads = 2, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        if (asWritten)
        {
            options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
        }

        using Microsoft.ML.OnnxRuntime.InferenceSession session = new(path, options);
        return Run(session, inputs);
    }

    /// <summary>The outputs of a model, by name, some of which are sequences.</summary>
    /// <param name="model">The bytes of the model file.</param>
    /// <param name="inputs">The inputs by name.</param>
    public static Dictionary<string, OnnxValue> RunValues(byte[] model, IReadOnlyDictionary<string, OnnxValue> inputs)
    {
        using Microsoft.ML.OnnxRuntime.SessionOptions options = new() { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        using Microsoft.ML.OnnxRuntime.InferenceSession session = new(model, options);
        return RunValues(session, inputs);
    }

    private static Dictionary<string, TensorBuffer> Run(Microsoft.ML.OnnxRuntime.InferenceSession session, IReadOnlyDictionary<string, TensorBuffer> inputs) =>
        RunValues(session, inputs.ToDictionary(pair => pair.Key, OnnxValue (pair) => pair.Value)).ToDictionary(pair => pair.Key, pair => (TensorBuffer)pair.Value);

    private static Dictionary<string, OnnxValue> RunValues(Microsoft.ML.OnnxRuntime.InferenceSession session, IReadOnlyDictionary<string, OnnxValue> inputs)
    {
        Dictionary<string, OrtValue> values = [];
        List<GCHandle> pins = [];
        try
        {
            foreach ((string name, OnnxValue value) in inputs)
            {
                values.Add(name, value is TensorSequence sequence ? OrtValue.CreateSequence([.. sequence.Select(tensor => Make(tensor, pins))]) : Make((TensorBuffer)value, pins));
            }

            using Microsoft.ML.OnnxRuntime.RunOptions options = new();
            using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, values, session.OutputNames);
            Dictionary<string, OnnxValue> outputs = [];
            for (int i = 0; i < results.Count; i++)
            {
                outputs.Add(session.OutputNames[i], results[i].OnnxType == OnnxValueType.ONNX_TYPE_SEQUENCE ? ReadSequence(results[i]) : Read(results[i]));
            }

            return outputs;
        }
        finally
        {
            foreach (OrtValue value in values.Values)
            {
                value.Dispose();
            }

            foreach (GCHandle pin in pins)
            {
                pin.Free();
            }
        }
    }

    private static OrtValue Make(TensorBuffer tensor, List<GCHandle> pins)
    {
        byte[] copy = tensor.Bytes.Length == 0 ? new byte[8] : tensor.ToPacked();
        GCHandle pin = GCHandle.Alloc(copy, GCHandleType.Pinned);
        pins.Add(pin);
        return OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)(int)tensor.ElementType, tensor.Shape.ToArray(), pin.AddrOfPinnedObject(), tensor.Type.PackedByteLength);
    }

    private static TensorBuffer Read(OrtValue value)
    {
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        TensorBuffer tensor = new((ElementType)(int)info.ElementDataType, new Shape(info.Shape));
        if (tensor.Bytes.Length > 0)
        {
            value.GetTensorMutableRawData().CopyTo(tensor.Bytes);
        }

        return tensor;
    }

    // An empty sequence does not say of what.
    private static TensorSequence ReadSequence(OrtValue value)
    {
        List<TensorBuffer> tensors = [];
        for (int i = 0; i < value.GetValueCount(); i++)
        {
            using OrtValue element = value.GetValue(i, OrtAllocator.DefaultInstance);
            tensors.Add(Read(element));
        }

        return new TensorSequence(tensors.FirstOrDefault()?.ElementType ?? ElementType.Float32, tensors);
    }
}
