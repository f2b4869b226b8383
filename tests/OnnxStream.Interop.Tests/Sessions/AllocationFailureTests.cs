using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tests.Weights;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Lets every single allocation of native memory fail once.</summary>
[NativeMemoryLeakCheck]
public class AllocationFailureTests
{
    [TearDown]
    public void AllowAllocations() => CountedMemory.FailureCountdown = -1;

    [Test]
    public void WhileASessionIsMade([Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        Check(SmallModel.Write(folder), threads, session => SmallModel.Check(session.Run(SmallModel.Inputs), "afterwards"));
    }

    [Test]
    public void WhileASessionOfOtherKernelsIsMade([Values(1, 2)] int threads)
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 4, 8, 8).Input("q", ElementType.Float32, 1, 2, 16, 8)
            .Initializer("up", TestTensors.Floats(1, 4, 6, 2, 2)).Initializer("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4)).Initializer("vector", TestTensors.Floats(2, 6)).Initializer("single", TestTensors.Floats(3, 6, 1, 3, 3))
            .Initializer("one", TestTensors.Floats(4, 16)).Initializer("two", TestTensors.Floats(5, 16)).Initializer("scale", TensorBuffer.Create<float>([0.35f]))
            .Node("MaxPool", "x", "m", ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 })).Node("AveragePool", "m", "a", ("kernel_shape", new[] { 3, 3 }), ("pads", new[] { 1, 1, 1, 1 }))
            .Node("ConvTranspose", "a up vector", "t", ("strides", new[] { 2, 2 })).Node("Resize", "t - scales", "r", ("mode", "linear")).Node("InstanceNormalization", "r vector vector", "i")
            .Node("Conv", "i single", "d", ("group", 6)).Node("Clip", "d", "c").Node("ReduceMean", "c", "mean", ("axes", new[] { 2, 3 })).Node("Relu", "mean", "y")
            .Node("Transpose", "q", "k", ("perm", new[] { 0, 1, 3, 2 })).Node("MatMul", "q k", "qk").Node("Mul", "qk scale", "s").Node("Softmax", "s", "p").Node("MatMul", "p q", "v")
            .Node("LayerNormalization", "p one two", "n").Node("Erf", "n", "e").Node("Add", "e p", "z").Output("y").Output("v").Output("z");
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(6, 1, 4, 8, 8), ["q"] = TestTensors.Floats(7, 1, 2, 16, 8) };
        Dictionary<string, TensorBuffer> expected = Oracle.Run(builder.ToBytes(), inputs);
        using TemporaryFolder folder = new();
        Check(folder.Write("m.onnx", builder.ToBytes()), threads, session =>
        {
            RunResult result = session.Run(inputs);
            foreach ((string name, TensorBuffer tensor) in expected)
            {
                TestTensors.AssertClose(result[name], tensor, 1e-4, name);
            }
        });
    }

    [Test]
    public void WhileASessionOfChannelsLastKernelsIsMade([Values(1, 2)] int threads)
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2, 3, 16, 16).Initializer("w", TestTensors.Floats(1, 40, 3, 1, 1)).Initializer("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4))
            .Initializer("vector", TestTensors.Floats(2, 40)).Initializer("variance", TestTensors.Random(ElementType.Float32, 3, 0.5, 2, 40)).Node("Conv", "x w", "c")
            .Node("BatchNormalization", "c vector vector vector variance", "b").Node("MaxPool", "b", "m", ("kernel_shape", new[] { 3, 3 }), ("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 }))
            .Node("AveragePool", "m", "a", ("kernel_shape", new[] { 5, 3 }), ("pads", new[] { 2, 1, 2, 1 })).Node("Resize", "a - scales", "r", ("mode", "linear")).Node("GlobalAveragePool", "r", "y").Output("y").Output("r");
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(6, 2, 3, 16, 16) };
        Dictionary<string, TensorBuffer> expected = Oracle.Run(builder.ToBytes(), inputs);
        using TemporaryFolder folder = new();
        Check(folder.Write("m.onnx", builder.ToBytes()), threads, session =>
        {
            RunResult result = session.Run(inputs);
            foreach ((string name, TensorBuffer tensor) in expected)
            {
                TestTensors.AssertClose(result[name], tensor, 1e-4, name);
            }
        });
    }

    [Test]
    public void WhileASessionRuns([Values("mapped", "buffered", "ahead", "ram")] string kind, [Values(1, 2)] int threads)
    {
        using TemporaryFolder folder = new();
        string path = SmallModel.Write(folder);
        int failures = 0;
        for (int n = 0; ; n++)
        {
            // Ram keeps what it has: a fresh one for each attempt.
            using WeightsProvider provider = kind switch
            {
                "mapped" => WeightsProvider.DiskPrefetch(),
                "buffered" => new FileProvider(0),
                "ahead" => new FileProvider(1 << 20),
                _ => WeightsProvider.Ram(),
            };
            using InferenceSession session = new(path, new SessionOptions { WeightsProvider = provider, ThreadCount = threads });
            CountedMemory.FailureCountdown = n;
            try
            {
                SmallModel.Check(session.Run(SmallModel.Inputs), $"allocation {n}");
                if (CountedMemory.FailureCountdown >= 0)
                {
                    break;
                }
            }
            catch (NativeMemoryException)
            {
                failures++;
                SmallModel.Check(session.Run(SmallModel.Inputs), $"after allocation {n} failed");
            }

            CountedMemory.FailureCountdown = -1;
        }

        Assert.That(failures, Is.GreaterThan(5));
    }

    private static void Check(string path, int threads, Action<InferenceSession> run)
    {
        Model model = Model.Load(path);
        SessionOptions options = new() { ThreadCount = threads };
        long live = MemoryDiagnostics.LiveBytes;
        int failures = 0;
        for (int n = 0; ; n++)
        {
            CountedMemory.FailureCountdown = n;
            try
            {
                using InferenceSession session = new(model, options);
                bool isLast = CountedMemory.FailureCountdown >= 0;
                CountedMemory.FailureCountdown = -1;
                run(session);
                if (isLast)
                {
                    break;
                }
            }
            catch (NativeMemoryException)
            {
                failures++;
            }

            CountedMemory.FailureCountdown = -1;
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live), $"allocation {n}");
        }

        Assert.That(failures, Is.GreaterThan(10));
    }
}
