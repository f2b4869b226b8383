using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Plans that are kept, and tensors between them, stay inside of the budget together.</summary>
[NativeMemoryLeakCheck]
public class PlanCacheTests
{
    [Test]
    public void KeptPlansCountWithWhatTheyHold()
    {
        // The rows that remain, multiplied by 4 MB of weights: a plan for each number of rows, each with weights in use and buffers.
        byte[] model = new ModelBuilder(17).Input("x", ElementType.Float32, 32, 1000).Initializer("zero", TensorBuffer.Create<float>([0])).Initializer("axis", TensorBuffer.Create<long>([1], 1))
            .Initializer("w", TestTensors.Floats(1, 1000, 1000)).Initializer("v", TestTensors.Floats(2, 1000, 1000)).Node("ReduceSum", "x axis", "sum", ("keepdims", 0)).Node("Greater", "sum zero", "isPositive")
            .Node("Compress", "x isPositive", "rows", ("axis", 0)).Node("Add", "w v", "sums").Node("MatMul", "rows sums", "o").Output("o").ToBytes();
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        Dictionary<string, TensorBuffer>[] inputs = [.. new[] { 32, 9, 17, 25, 3, 32, 9 }.Select(Rows)];
        long smallest;
        using (InferenceSession free = new(path, new SessionOptions { ThreadCount = 1, WeightsProvider = WeightsProvider.DiskNoCache() }))
        {
            smallest = inputs.Max(input => free.Run(input).Statistics.PeakNativeBytes);
        }

        // Room for two of the plans, not for all of them.
        long budget = smallest / 2;
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = 1, MemoryBudget = budget, WeightsProvider = WeightsProvider.DiskNoCache() });
        foreach (Dictionary<string, TensorBuffer> input in inputs)
        {
            RunResult result = session.Run(input);
            Assert.That(result.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(budget));
            TestTensors.AssertClose(result["o"], Oracle.Run(model, input)["o"], 1e-3, "o");
        }

        static Dictionary<string, TensorBuffer> Rows(int positive) => new()
        {
            ["x"] = TensorBuffer.Create<float>([.. Enumerable.Range(0, 32 * 1000).Select(i => i / 1000 < positive ? 0.25f : -0.25f)], 32, 1000),
        };
    }

    // What lies between the parts is free when nobody reads it any more: a chain of any length takes the same memory.
    [Test]
    public void TensorsBetweenPartsAreFreed()
    {
        const long Bytes = 64 * 100 * 100 * sizeof(float);
        long shortChain = Peak(2);
        Assert.That(shortChain, Is.LessThan(8 * Bytes));

        // Plans are given up, so what remains are tensors.
        Assert.That(Peak(8), Is.LessThan(shortChain + Bytes / 2));

        static long Peak(int length)
        {
            (byte[] model, Dictionary<string, TensorBuffer> inputs) = Chain(length);
            using TemporaryFolder folder = new();
            using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { MemoryBudget = 8 * Bytes });
            RunResult result = session.Run(inputs);
            TestTensors.AssertClose(result["o"], Oracle.Run(model, inputs)["o"], 1e-4, "o");
            return result.Statistics.PeakNativeBytes;
        }
    }

    [Test]
    public void FreeTensorsAreUsedAgain()
    {
        (byte[] model, Dictionary<string, TensorBuffer> inputs) = Chain(3);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 1 });
        long peak = session.Run(inputs).Statistics.PeakNativeBytes;
        long live = MemoryDiagnostics.LiveBytes;
        for (int i = 0; i < 5; i++)
        {
            Assert.That(session.Run(inputs).Statistics.PeakNativeBytes, Is.EqualTo(peak));
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live));
        }
    }

    // Activations of 2.5 MB, and an If behind each part.
    private static (byte[] Model, Dictionary<string, TensorBuffer> Inputs) Chain(int length)
    {
        ModelBuilder builder = new ModelBuilder(13).Input("x0", ElementType.Float32, 1, 64, 100, 100).Initializer("zero", TensorBuffer.Create<float>([0f], []));
        for (int i = 0; i < length; i++)
        {
            builder.Node("Sin", $"x{i}", $"a{i}").Node("Cos", $"a{i}", $"b{i}").Node("Add", $"a{i} b{i}", $"c{i}").Node("ReduceMean", $"c{i}", $"m{i}", ("keepdims", 0)).Node("Less", $"m{i} zero", $"k{i}")
                .Node("If", $"k{i}", $"x{i + 1}", ("then_branch", Branch("Neg", i)), ("else_branch", Branch("Identity", i)));
        }

        builder.Node("ReduceMean", $"x{length}", "o", ("axes", new[] { 2, 3 })).Output("o");
        return (builder.ToBytes(), new() { ["x0"] = TestTensors.Floats(1, 1, 64, 100, 100) });

        static GraphProto Branch(string type, int i) => new ModelBuilder(13).Node(type, $"c{i}", $"{type}{i}").Output($"{type}{i}").Graph;
    }
}
