using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OnnxStream.Interop.Tests.Sessions;

[NonParallelizable]
public class TelemetryTests
{
    [Test]
    public void RunsAreReported()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 2, 3).Node("Relu", "x", "y").Output("y").ToBytes());
        List<string> seen = [];
        using ActivityListener activities = new()
        {
            ShouldListenTo = source => source.Name == "OnnxStream.Interop",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => seen.Add($"{activity.OperationName} {activity.GetTagItem("onnxstream.model")}"),
        };
        ActivitySource.AddActivityListener(activities);
        using MeterListener meters = new();
        meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "OnnxStream.Interop")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        meters.SetMeasurementEventCallback<double>((instrument, value, _, _) => seen.Add($"{instrument.Name} {value >= 0}"));
        meters.SetMeasurementEventCallback<long>((instrument, value, _, _) => seen.Add($"{instrument.Name} {value}"));
        meters.Start();
        using InferenceSession session = new(path);
        session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(1, 2, 3) });
        Assert.That(seen, Is.SupersetOf(new[] { $"run {session.Model.Path}", "onnxstream.run.duration True", "onnxstream.weights.streamed 0" }));
    }
}
