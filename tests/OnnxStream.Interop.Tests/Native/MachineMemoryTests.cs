using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Tests.Native;

/// <summary>How much memory a machine or a container has, and what needs more than that.</summary>
[NativeMemoryLeakCheck]
public class MachineMemoryTests
{
    private const long Total = 24_684_084L * 1024;

    [TestCase(null, null, null, Total)]
    [TestCase("0::/a/b\n", "sys/fs/cgroup/a/memory.max", "1048576\n", 1 << 20)]
    [TestCase("0::/a/b\n", "sys/fs/cgroup/memory.max", "2097152", 2 << 20)]
    [TestCase("0::/a/b\n", "sys/fs/cgroup/a/b/memory.max", "max\n", Total)]
    [TestCase("5:cpu,memory:/a\n0::/\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "4194304\n", 4 << 20)]
    [TestCase("5:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n", Total)]
    [TestCase("5:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "nonsense", Total)]
    [TestCase("nonsense", null, null, Total)]
    [Platform("Linux")]
    public void OfAContainer(string? groups, string? limitFile, string? limit, long expected)
    {
        using TemporaryFolder folder = new();
        Write("proc/meminfo", "MemTotal:       24684084 kB\nMemFree:        1 kB\n");
        Write("proc/self/cgroup", groups);
        Write(limitFile, limit);
        Assert.That(MachineMemory.Measure(folder.Path), Is.EqualTo(expected));

        void Write(string? file, string? text)
        {
            if (file is not null && text is not null)
            {
                string path = Path.Combine(folder.Path, file);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllText(path, text);
            }
        }
    }

    [Test]
    public void OfThisMachine() => Assert.That(MachineMemory.Bytes, Is.InRange(64L << 20, 1L << 44));

    private static IEnumerable<TestCaseData> Large()
    {
        const long Tera = 1L << 40;
        yield return Case("ConstantOfShape", new ModelBuilder(17).Initializer("i", TestTensors.Integers(Tera)).Node("ConstantOfShape", "i", "h"));
        yield return Case("Expand", new ModelBuilder(17).Initializer("i", TestTensors.Integers(Tera, 1)).Node("Expand", "x i", "h"));
        yield return Case("Tile", new ModelBuilder(17).Initializer("i", TestTensors.Integers(Tera)).Node("Tile", "x i", "h"));
        yield return Case("Range", new ModelBuilder(17).Initializer("a", TensorBuffer.Create([0L])).Initializer("b", TensorBuffer.Create([Tera])).Initializer("c", TensorBuffer.Create([1L])).Node("Range", "a b c", "h"));
        yield return Case("Pad", new ModelBuilder(17).Initializer("i", TestTensors.Integers(0, Tera)).Node("Pad", "x i", "h"));
        yield return Case("OneHot", new ModelBuilder(17).Initializer("i", TestTensors.Integers(1, 2)).Initializer("d", TensorBuffer.Create([Tera])).Initializer("v", TestTensors.Floats(1, 2)).Node("OneHot", "i d v", "h"));
        yield return Impossible("Resize", new ModelBuilder(17).Initializer("i", TensorBuffer.Create([1e12f], 1)).Node("Resize", "x - i", "h"));
        yield return Impossible("Resize linear", new ModelBuilder(17).Initializer("i", TensorBuffer.Create([1e12f], 1)).Node("Resize", "x - i", "h", ("mode", "linear")));
        yield return Impossible("Upsample", new ModelBuilder(9).Initializer("i", TensorBuffer.Create([1e12f], 1)).Node("Upsample", "x i", "h"));
        yield return Impossible("BlackmanWindow", new ModelBuilder(17).Initializer("i", TensorBuffer.Create([Tera])).Node("BlackmanWindow", "i", "h"));
        yield return Case("RandomUniform", new ModelBuilder(17).Node("RandomUniform", "", "h", ("shape", new[] { Tera })));
        yield return Case("MatMul", new ModelBuilder(17).Initializer("i", TestTensors.Integers(1 << 20, 1)).Initializer("k", TestTensors.Integers(1, 1 << 20)).Node("Expand", "one i", "l").Node("Expand", "one k", "r").Node("MatMul", "l r", "h"));

        static TestCaseData Case(string name, ModelBuilder builder) => new TestCaseData(builder, typeof(MemoryBudgetException), "the machine (or the container) has").SetArgDisplayNames(name);

        // These have limits of their own.
        static TestCaseData Impossible(string name, ModelBuilder builder) => new TestCaseData(builder, typeof(InvalidGraphException), name.Split(' ')[0]).SetArgDisplayNames(name);
    }

    // A few bytes in the file, terabytes in memory: refused, with a budget or without one, and before anything is reserved.
    [TestCaseSource(nameof(Large))]
    public void WhatIsLargerIsRefused(object model, Type type, string message)
    {
        ModelBuilder builder = ((ModelBuilder)model).Input("x", ElementType.Float32, 2).Initializer("one", TestTensors.Floats(1, 1, 1));
        byte[] bytes = builder.Node("ReduceSum", "h", "y", ("keepdims", 0)).Output("y").ToBytes();
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        OnnxStreamException refused = Assert.Catch<OnnxStreamException>(() => Run(new SessionOptions()))!;
        Assert.That(refused, Is.TypeOf(type).With.Message.Contains(message));
        Assert.That(() => Run(new SessionOptions { MemoryBudget = 1 << 20 }), Throws.TypeOf(type));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(4 << 20));

        void Run(SessionOptions options)
        {
            using InferenceSession session = new(path, options with { ThreadCount = 1 });
            session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.Floats(1, 2) });
        }
    }

    [Test]
    public void OutputsHaveALimitOfTheirOwn()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 2).Initializer("i", TestTensors.Integers(1 << 29, 1)).Node("Expand", "x i", "y").Output("y").ToBytes());
        Assert.That(() => new InferenceSession(path), Throws.TypeOf<InvalidGraphException>().With.Message.Contains("4,294,967,296 bytes").And.Message.Contains("Expand"));
    }

    [Test]
    public void PlanningForAnotherMachineIsNotRefused()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 2).Initializer("i", TestTensors.Integers(1L << 40, 1)).Node("Expand", "x i", "h").Node("ReduceSum", "h", "y", ("keepdims", 0)).Output("y").ToBytes());
        using InferenceSession session = new(path, new SessionOptions { PlanOnly = true });
        Assert.That(session.Plan().PeakBytes, Is.GreaterThan(8L << 40));
    }
}
