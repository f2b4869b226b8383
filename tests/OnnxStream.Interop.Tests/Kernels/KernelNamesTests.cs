namespace OnnxStream.Interop.Tests.Kernels;

public class KernelNamesTests
{
    [TestCase("Pow", ElementType.Float32, "x x", "pow")]
    [TestCase("Relu", ElementType.Float64, "x", "parametric activation")]
    [TestCase("LeakyRelu", ElementType.Float16, "x", "parametric activation")]
    [TestCase("Relu", ElementType.Float16, "x", "half relu")]
    [TestCase("ReduceSumSquare", ElementType.Float32, "x", "sum square reduction")]
    [TestCase("Add", ElementType.Int64, "x x", "add")]
    public void KernelsAreCalledByWords(string operatorType, ElementType type, string inputs, string name)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", new ModelBuilder(17).Input("x", type, 3, 4).Node(operatorType, inputs, "y").Output("y", type).ToBytes());
        using InferenceSession session = new(path, new SessionOptions { PlanOnly = true, RewriteGraph = false });
        Assert.That(session.Plan().Steps.Single().KernelName, Is.EqualTo(name));
    }
}
