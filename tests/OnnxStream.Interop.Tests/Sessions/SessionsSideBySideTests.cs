using OnnxStream.Interop.Tests.Weights;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Sessions that are made and run at the same time promise and use the same memory as alone.</summary>
[NativeMemoryLeakCheck]
public class SessionsSideBySideTests
{
    [Test]
    public void PromiseAndUseWhatTheyDoAlone([Values] bool sharesWeights)
    {
        using TemporaryFolder folder = new();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 1, 16, 40, 40) };
        string convolutions = folder.Write("convolutions.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 1, 16, 40, 40)
            .Initializer("w", TestTensors.Floats(2, 64, 16, 5, 5)).Initializer("v", TestTensors.Floats(3, 16, 64, 1, 1)).Node("Conv", "x w", "c").Node("Relu", "c", "r").Node("Conv", "r v", "y").Output("y").ToBytes());
        string small = SmallModel.Write(folder);
        using WeightsProvider? ram = sharesWeights ? WeightsProvider.Ram() : null;

        // One thread for each session: how much XNNPACK allocates at once does not depend on the scheduler then.
        SessionOptions options = new() { ThreadCount = 1, WeightsProvider = ram };
        (PlanSummary Plan, long Peak) first = Use(convolutions, inputs);
        (PlanSummary Plan, long Peak) second = Use(small, SmallModel.Inputs);
        Assert.That(first.Plan.OperatorBytes, Is.GreaterThan(0));
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            (PlanSummary plan, long peak) = i % 2 == 0 ? Use(convolutions, inputs) : Use(small, SmallModel.Inputs);
            (PlanSummary Plan, long Peak) expected = i % 2 == 0 ? first : second;
            Assert.That(plan with { Steps = [], Parts = [] }, Is.EqualTo(expected.Plan with { Steps = [], Parts = [] }));
            Assert.That(peak, Is.EqualTo(expected.Peak));
        });

        (PlanSummary, long) Use(string path, Dictionary<string, TensorBuffer> inputs)
        {
            using InferenceSession session = new(path, options);
            session.Run(inputs);
            return (session.Plan(), session.Run(inputs).Statistics.PeakNativeBytes);
        }
    }
}
