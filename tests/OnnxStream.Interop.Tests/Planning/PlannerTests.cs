namespace OnnxStream.Interop.Tests.Planning;

[NativeMemoryLeakCheck]
public class PlannerTests
{
    // A view of a part must not be overwritten by a result that is larger: later rows are still computed from it.
    [TestCase("Sub", "p c")]
    [TestCase("Sub", "c p")]
    [TestCase("Mod", "p c")]
    public void PartOfABufferIsNotWorkedOnInPlace(string operatorType, string inputs)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 2, 37).Output("y").Initializer("c", TestTensors.Floats(2, 2, 1))
            .Initializer("from", TensorBuffer.Create<long>([0], 1)).Initializer("to", TensorBuffer.Create<long>([1], 1))
            .Node("Sin", "x", "a").Node("Slice", "a from to", "p").Node(operatorType, inputs, "y", operatorType == "Mod" ? [("fmod", 1L)] : []).ToBytes());
        Dictionary<string, TensorBuffer> feeds = new() { ["x"] = TestTensors.Floats(1, 2, 37) };
        using InferenceSession session = new(path);
        Assert.That(TestTensors.RelativeRms(session.Run(feeds)["y"], Oracle.Run(path, feeds)["y"]), Is.LessThan(1e-5));
    }
}
