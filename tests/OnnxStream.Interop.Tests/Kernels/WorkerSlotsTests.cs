using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Tests.Kernels;

[NativeMemoryLeakCheck]
public class WorkerSlotsTests
{
    [TestCase(3)]
    [TestCase(64)]
    [TestCase(70)]
    [TestCase(130)]
    public void GivesEachNumberOnce(int count)
    {
        WorkerSlots slots = new(count);
        int[] all = [.. Enumerable.Range(0, count).Select(_ => slots.Acquire())];
        Assert.That(all, Is.EqualTo(Enumerable.Range(0, count)));
        slots.Release(count - 1);
        slots.Release(0);
        Assert.That(slots.Acquire(), Is.EqualTo(0));
        Assert.That(slots.Acquire(), Is.EqualTo(count - 1));
    }

    [Test]
    public void NoTwoThreadsHaveTheSame()
    {
        using WorkerPool workers = new(70);
        Body body = new(70);
        workers.Parallelize(body, 2000);
        Assert.That(body.Collisions, Is.Zero);
    }

    // More threads than bits in a word share the scratch memory of layers.
    [Test]
    public void ManyThreads()
    {
        using TemporaryFolder folder = new();
        TensorBuffer x = TestTensors.Floats(1, 300, 64);
        TensorBuffer w = TestTensors.Floats(2, 64, 70 * 32);
        byte[] model = new ModelBuilder(17).Input("x", ElementType.Float32, 300, 64).Initializer("w", w).Node("MatMul", "x w", "y").Output("y").ToBytes();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 70 });
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = x };
        TestTensors.AssertClose(session.Run(inputs)["y"], Oracle.Run(model, inputs)["y"], 1e-4, "70 threads");
    }

    private sealed class Body(int count) : IParallelBody
    {
        private readonly WorkerSlots _slots = new(count);
        private readonly int[] _users = new int[count];
        private int _collisions;

        public int Collisions => _collisions;

        public void Execute(int index)
        {
            int slot = _slots.Acquire();
            if (Interlocked.Increment(ref _users[slot]) != 1)
            {
                Interlocked.Increment(ref _collisions);
            }

            Thread.SpinWait(50);
            Interlocked.Decrement(ref _users[slot]);
            _slots.Release(slot);
        }
    }
}
